/** Several apps on one store, one log and one clock: each can be killed, paused and cut off alone. */
import type { AgentEvent, Position } from '@muster/contracts';
import {
  type Appended,
  type Class,
  createApp,
  EventLog,
  type Gathering,
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
import { Link, type Weather } from './cluster-link.ts';

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

/** What a test may want of an instance. */
interface InstanceTerms {
  /** Of its link. @default what is sent arrives at once */
  readonly weather?: Weather;
  /** Told of what it has written into the log, at that moment. */
  readonly appended?: (stream: string, events: Events, written: Appended) => void;
  /** Told of each value that it has asked the store to write, at that moment. */
  readonly stored?: (key: string, value: unknown) => void;
}
/** How somebody asks; an `agent` where there are several. */
export interface Asking {
  readonly user?: string;
  readonly id?: string;
  readonly thread?: string;
  readonly agent?: string;
}
type Services = readonly (Class | Registration)[];
type Events = readonly AgentEvent[] | Gathering;

/** One instance, started. */
export async function instanceOn(
  shared: Cluster,
  given: Services | ((clock: InstanceClock) => Services),
  { weather, appended, stored }: InstanceTerms = {},
) {
  const clock = new InstanceClock(shared.clock);
  const services = typeof given === 'function' ? given(clock) : given;
  const { isShared, random } = shared;
  const link = new Link({ isShared, clock, wire: shared.clock, random });
  link.weather = weather;
  const faults: unknown[] = [];
  const store = link.over<KeyValueStore>(shared.store, {
    called: (method, [key, value]) => {
      if (method === 'update') shared.writes.push(String(key));
      if (method === 'update' || method === 'create') stored?.(String(key), value);
    },
  });
  const log = link.over<EventLog>(shared.log, {
    done: (method, [stream, events], result) => {
      if (method === 'append') appended?.(stream as string, events as Events, result as Appended);
    },
  });
  const app = createApp({
    services: [...agents(), provideValue(EventLog, log), provideValue(KeyValueStore, store), ...services],
    clock,
    random,
  });
  const told: RuntimeEvent[] = [];
  app.events.on((event: RuntimeEvent) => {
    told.push(event);
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
    store,
    faults,
    told,
    followed,
    supervisor,
    requesterOf,
    ask: async (text: string, { user = 'ann', id, ...rest }: Asking = {}) =>
      supervisor.accept(await requesterOf(user), { text, ...rest }, id),
    cancel: async (run: string, user = 'ann') => runMethods(supervisor, await requesterOf(user)).cancel({ run }),
    rowsOf: (thread: string, user = 'ann') => app.get(ThreadService).messages(principalOf(user), thread),
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
