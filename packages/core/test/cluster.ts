/** Several apps on one store and one clock: each can be paused, killed and cut off from the store alone. */
import {
  type App,
  type AppOptions,
  type Class,
  createApp,
  KeyValueStore,
  LEASE,
  MemoryStore,
  provideValue,
  type Registration,
  type RuntimeEvent,
} from '@muster/core';
import { FakeClock, InstanceClock, SeededRandom } from '@muster/core/testing';

const failed = (error: unknown): void => {
  throw error;
};

/** How long a record is watched unchanged before it may be taken over, in milliseconds. */
export const WATCHED = LEASE.leaseMs + LEASE.marginMs;

class SharedStore extends MemoryStore {
  readonly isShared = true;
}

/** @param isShared false: for one instance alone. */
export function cluster({ isShared = true } = {}) {
  return {
    clock: new FakeClock(),
    random: new SeededRandom(1),
    store: isShared ? new SharedStore(failed) : new MemoryStore(failed),
  };
}
export type Cluster = ReturnType<typeof cluster>;

/** What a test does to one instance. */
interface Trouble {
  /** How much later it is told of changes than they are made. */
  readonly hearsLateMs?: number;
  /** An answer of the store waits for what this returns. */
  readonly answering?: (method: string, key: unknown) => Promise<void> | undefined;
}

/** One instance, not started. */
export function instanceOn(
  shared: Cluster,
  services: readonly (Class | Registration)[],
  { hearsLateMs = 0, answering, ...options }: Omit<AppOptions, 'services' | 'clock'> & Trouble = {},
) {
  const clock = new InstanceClock(shared.clock);
  let isCut = false;
  /** What watchers are told once the link is there again, as by a client that catches up. */
  const untold: (() => void)[] = [];
  const unanswered = new Set<(error: Error) => void>();
  const store = new Proxy<KeyValueStore>(shared.store, {
    get: (target, name) => {
      const value = Reflect.get(target, name, target) as unknown;
      if (typeof value !== 'function') return value;
      return (...args: unknown[]): unknown => {
        if (name === 'watch')
          return value.call(target, args[0], (change: unknown) => {
            const tell = (): void => (args[1] as (change: unknown) => void)(change);
            if (isCut) untold.push(tell);
            else if (hearsLateMs > 0) clock.schedule(hearsLateMs, tell);
            else tell();
          }) as unknown;
        if (isCut) return new Promise((_, reject) => unanswered.add(reject));
        const answer = value.call(target, ...args) as unknown;
        const late = answering?.(String(name), args[0]);
        return late === undefined ? answer : late.then(() => answer);
      };
    },
  });
  const events: RuntimeEvent[] = [];
  const app: App = createApp({
    ...options,
    services: [provideValue(KeyValueStore, store), ...services],
    clock,
    random: shared.random,
  });
  app.events.on((event) => void events.push(event));
  return {
    app,
    clock,
    events,
    node: (name: string) => app.graph().node(name),
    /** Nothing that it sends arrives any more, and it hears nothing. */
    cut: () => void (isCut = true),
    /** As cut off, and no timer of it fires. */
    kill: () => {
      isCut = true;
      clock.pause();
    },
    mend: () => {
      isCut = false;
      for (const tell of untold.splice(0)) tell();
      for (const reject of unanswered) reject(new Error('the link was cut'));
      unanswered.clear();
    },
    /** Stops it, moving the clock as far as that takes. */
    stop: async () => {
      const stopping = app.stop();
      await shared.clock.advance(9_000);
      await stopping;
    },
  };
}
