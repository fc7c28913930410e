/**
 * Emits the load of the events bench; the same for every contender.
 */
import { BURST_RATE, EVENTS_PER_RUN, type Load, OPEN_RATE } from './protocol.ts';

/** One run on one connection, as a contender emits it. */
export interface BenchRun {
  /** Emits the next event. */
  emit(): void;
  /** Emits the last event; resolves when it has gone out. */
  end(): Promise<void>;
}

/** Begins a run on a connection. */
export type Begin = (connection: number) => BenchRun;

export async function emit(load: Load, begin: Begin): Promise<void> {
  if (load.mode === 'flood') await flood(load, begin);
  else if (load.mode === 'burst') await burst(load, begin);
  else await open(load, begin);
}

/** Every connection has one run after the other, each as fast as it goes. */
async function flood({ connections, runs }: Load, begin: Begin): Promise<void> {
  const each = Array.from({ length: connections }, async (_, connection) => {
    for (let i = 0; i < runs; i += 1) await whole(begin(connection));
  });
  await Promise.all(each);
}

/** Whole runs at once, each on another connection, so that so many events a second come. */
async function burst({ connections, runs }: Load, begin: Begin): Promise<void> {
  const going: Promise<void>[] = [];
  const total = connections * runs;
  await atRate(BURST_RATE / EVENTS_PER_RUN, total, (n) => going.push(whole(begin(n % connections))));
  await Promise.all(going);
}

/** What a load leaves to the next one: the runs that have not ended, by connection. */
interface Unfinished {
  readonly runs: (BenchRun | undefined)[];
  /** How many events each of them still has. */
  readonly left: number[];
}
let unfinished: Unfinished | undefined;
/** The first two events and the terminal. */
const SHORTEST_RUN = 3;

/** The first runs are of all lengths, so that some begin and some end at any time, and not all of them together. */
function firstRuns(connections: number): Unfinished {
  const part = (i: number): number => Math.ceil(((i + 1) * EVENTS_PER_RUN) / connections);
  return { runs: [], left: Array.from({ length: connections }, (_, i) => Math.max(SHORTEST_RUN, part(i))) };
}

/** Single events, each on another connection, so that so many a second come. */
async function open({ connections, runs }: Load, begin: Begin): Promise<void> {
  const { runs: current, left } = (unfinished ??= firstRuns(connections));
  const ended: Promise<void>[] = [];
  await atRate(OPEN_RATE, connections * runs * EVENTS_PER_RUN, (n) => {
    const connection = n % connections;
    const run = (current[connection] ??= begin(connection));
    left[connection] = (left[connection] as number) - 1;
    if (left[connection] !== 0) return run.emit();
    ended.push(run.end());
    left[connection] = EVENTS_PER_RUN;
    current[connection] = undefined;
  });
  await Promise.all(ended);
}

async function whole(run: BenchRun): Promise<void> {
  for (let n = 1; n < EVENTS_PER_RUN; n += 1) run.emit();
  await run.end();
}

/** Calls `step` so many times a second, as the clock says and however long a step takes. */
function atRate(perSecond: number, total: number, step: (n: number) => void): Promise<void> {
  const began = performance.now();
  let done = 0;
  return new Promise((resolve) => {
    const timer = setInterval(() => {
      const due = Math.min(total, Math.floor(((performance.now() - began) * perSecond) / 1_000));
      for (; done < due; done += 1) step(done);
      if (done < total) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}
