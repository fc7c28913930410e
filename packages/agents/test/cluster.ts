/** Several apps on one store, one log and one clock: each can be killed, paused and cut off alone. */
import type { AgentEvent, Position } from '@muster/contracts';
import {
  type Class,
  createApp,
  EventLog,
  KeyValueStore,
  MemoryLog,
  MemoryStore,
  principalOf,
  provideValue,
  type Registration,
  type RuntimeEvent,
  streamOf,
} from '@muster/core';
import { eventsIn, FakeClock, InstanceClock, SeededRandom } from '@muster/core/testing';
import { agents, AgentSupervisor, runMethods, ThreadService } from '@muster/agents';

const failed = (error: unknown): void => {
  throw error;
};

/** @param isShared false: for one instance alone. */
export function cluster({ isShared = true, seed = 1 } = {}) {
  const clock = new FakeClock();
  const random = new SeededRandom(seed);
  const log = new MemoryLog(clock, random, failed);
  const store = new MemoryStore(failed);
  const writes: string[] = [];
  const eventsOf = async (thread: string, user = 'ann'): Promise<readonly AgentEvent[]> =>
    (await log.read(streamOf(principalOf(user), thread), { after: 0, maxBytes: 1e9 })).batches.flatMap(eventsIn);
  return { isShared, clock, random, log, store, writes, eventsOf };
}
export type Cluster = ReturnType<typeof cluster>;

/** Ways between an instance and what it shares; what is sent while they are cut never arrives, and nothing comes back. */
class Link {
  #isCut = false;
  readonly #unanswered = new Set<(reason: Error) => void>();
  /** What watchers are told once the link is there again, as by a client that catches up. */
  #untold: (() => void)[] = [];
  readonly #isShared: boolean;

  constructor(isShared: boolean) {
    this.#isShared = isShared;
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  /** What was under way is answered with a failure once the link is there again: whether it was done nobody knows. */
  set isCut(isCut: boolean) {
    this.#isCut = isCut;
    if (isCut) return;
    for (const tell of this.#untold.splice(0)) tell();
    for (const reject of this.#unanswered) reject(new Error('the link was cut'));
    this.#unanswered.clear();
  }

  #never(): Promise<never> {
    return new Promise((_, reject) => this.#unanswered.add(reject));
  }

  over<T extends object>(target: T, called: (method: string, args: readonly unknown[]) => void): T {
    return new Proxy(target, {
      get: (_, name) => {
        if (name === 'isShared') return this.#isShared;
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (name === 'watch' || name === 'subscribe') {
            const sink = args[1] as (heard: unknown) => void;
            return value.call(target, args[0], (heard: unknown) =>
              this.#isCut ? this.#untold.push(() => sink(heard)) : sink(heard),
            ) as unknown;
          }
          if (this.#isCut) return this.#never();
          called(String(name), args);
          return (value.call(target, ...args) as Promise<unknown>).then((result) =>
            this.#isCut ? this.#never() : result,
          );
        };
      },
    });
  }
}

/** One instance, started. */
export async function instanceOn(shared: Cluster, services: readonly (Class | Registration)[]) {
  const clock = new InstanceClock(shared.clock);
  const link = new Link(shared.isShared);
  const faults: unknown[] = [];
  const store = link.over<KeyValueStore>(shared.store, (method, [key]) => {
    if (method === 'update') shared.writes.push(String(key));
  });
  const log = link.over<EventLog>(shared.log, () => {});
  const app = createApp({
    services: [...agents(), provideValue(EventLog, log), provideValue(KeyValueStore, store), ...services],
    clock,
    random: shared.random,
  });
  app.events.on((event: RuntimeEvent) => {
    if (event.type === 'fault') faults.push(event.error);
  });
  await app.start();
  const followed: [string, Position | undefined][] = [];
  const requesterOf = async (user = 'ann') => ({
    id: 'session',
    principal: principalOf(user),
    permit: await app.gate.enter(),
    follow: async (thread: string, from?: Position) => void followed.push([thread, from]),
  });
  const supervisor = app.get(AgentSupervisor);
  return {
    app,
    clock,
    link,
    faults,
    followed,
    supervisor,
    requesterOf,
    ask: async (text: string, { user = 'ann', id, thread }: { user?: string; id?: string; thread?: string } = {}) =>
      supervisor.accept(await requesterOf(user), { text, ...(thread === undefined ? {} : { thread }) }, id),
    cancel: async (run: string, user = 'ann') => runMethods(supervisor, await requesterOf(user)).cancel({ run }),
    rowsOf: (thread: string) => app.get(ThreadService).messages(principalOf('ann'), thread),
    /** Nothing of it runs any more, and nothing that it has sent is answered. */
    kill: () => {
      clock.pause();
      link.isCut = true;
    },
    /** Stops it, moving the clock as far as that takes. */
    stop: async () => {
      const stopping = app.stop();
      await shared.clock.advance(9_000);
      await stopping;
    },
  };
}
export type Instance = Awaited<ReturnType<typeof instanceOn>>;
