/**
 * The limit: what people write by hand, one memoised asynchronous function per service that awaits its needs and then starts.
 *
 * It has no container, no health, no events, no timeouts, and cannot stop.
 */
import type { Boot, Start } from './contender.ts';
import type { Needs } from './shape.ts';

export function define(needs: Needs, start: Start): Boot {
  const started = new Map<number, Promise<void>>();
  const ensure = (service: number): Promise<void> => {
    let promise = started.get(service);
    if (promise === undefined) {
      promise = Promise.all((needs[service] as readonly number[]).map(ensure)).then(() => start(service));
      started.set(service, promise);
    }
    return promise;
  };
  return async () => {
    await Promise.all(needs.map((_, service) => ensure(service)));
  };
}
