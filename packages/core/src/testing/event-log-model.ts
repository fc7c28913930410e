/**
 * Seeded random interleavings of everything a log can do, against a slow and obvious model: arrays of numbers.
 *
 * Calls are made without waiting for those before, as many users make them; the model is moved in the order of the calls.
 */
import assert from 'node:assert/strict';
import type { Batch, EventLog } from '../log/event-log.ts';
import type { Subscription } from '../subscription.ts';
import type { ConformanceCase } from './conformance-case.ts';
import type { LogUnderTest, MakeLog } from './log-under-test.ts';
import { eventsIn, numberedEvent } from './log-records.ts';
import { SeededRandom } from './seeded-random.ts';

const SEEDS = 12;
const STEPS = 250;
const STREAMS = ['a', 'b', 'c'];

type WithLog = (name: string, body: (test: LogUnderTest) => Promise<void>) => ConformanceCase<MakeLog>;

export function randomLogCases(withLog: WithLog): ConformanceCase<MakeLog>[] {
  return Array.from({ length: SEEDS }, (_, i) =>
    withLog(`behaves as a plain list would under random calls, seed ${i + 1}`, (test) => new Walk(test, i + 1).walk()),
  );
}

/** A sink and what it was shown. */
interface Follower {
  readonly batches: Batch[];
  readonly subscription: Subscription;
  isClosed: boolean;
}

/** A stream as it must be after all calls so far: an array of numbers for each time it was dropped, and the present one. */
class ModelStream {
  readonly lives: number[][] = [[]];
  readonly followers: Follower[] = [];

  get now(): number[] {
    return this.lives.at(-1) as number[];
  }
}

class Walk {
  readonly #log: EventLog;
  readonly #random: SeededRandom;
  readonly #model = new Map(STREAMS.map((name) => [name, new ModelStream()]));
  readonly #pending: Promise<void>[] = [];
  #next = 1;

  constructor({ log }: LogUnderTest, seed: number) {
    this.#log = log;
    this.#random = new SeededRandom(seed);
  }

  async walk(): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      const name = STREAMS[this.#random.below(STREAMS.length)] as string;
      const stream = this.#model.get(name) as ModelStream;
      const dice = this.#random.below(100);
      if (dice < 60) this.#append(name, stream);
      else if (dice < 72) this.#pending.push(this.#read(name, stream));
      else if (dice < 82) this.#follow(name, stream);
      else if (dice < 87) this.#unfollow(stream);
      else if (dice < 90) this.#drop(name, stream);
      else if (dice < 93) await Promise.all(this.#pending.splice(0));
      else await this.#pending.at(-1);
    }
    await Promise.all(this.#pending);
    for (const [name, stream] of this.#model) await this.#compare(name, stream);
  }

  #append(name: string, { now }: ModelStream): void {
    const count = this.#random.below(12) === 0 ? 150 : this.#random.below(4);
    const top = now.length;
    const expects = this.#random.below(4) === 0;
    const expectedTop = expects && this.#random.below(3) === 0 ? top + 1 : top;
    const numbers = Array.from({ length: count }, (_, i) => this.#next + i);
    this.#next += count;
    const appending = this.#log.append(
      name,
      numbers.map((n) => numberedEvent(n)),
      expects ? { expectedTop } : {},
    );
    const ok = expectedTop === top;
    if (ok) now.push(...numbers);
    const expected = ok ? [true, top + count] : [false, top];
    this.#pending.push(appending.then((got) => assert.deepEqual([got.ok, got.top], expected)));
  }

  /** What is read while others write is a part of one life of the stream. */
  async #read(name: string, stream: ModelStream): Promise<void> {
    const after = this.#random.below(stream.now.length + 2);
    const { floor, top, batches } = await this.#log.read(name, { after, maxBytes: 1 + this.#random.below(5_000) });
    const got = new Map(batches.flatMap((batch) => eventsIn(batch).map(({ n }, i) => [batch.offset + i, n] as const)));
    assert.equal(floor, 0);
    assert.equal(
      got.size,
      batches.reduce((sum, { count }) => sum + count, 0),
      'no offset is read twice',
    );
    if (after < top) assert.ok(got.has(after + 1), `offset ${after + 1} is read`);
    const fits = (life: readonly number[]): boolean => [...got].every(([offset, n]) => life[offset - 1] === n);
    assert.ok(stream.lives.some(fits), 'what is read was appended there');
    assert.equal(got.size === 0 || Math.max(...got.keys()) <= top, true);
  }

  #follow(name: string, stream: ModelStream): void {
    const batches: Batch[] = [];
    const subscription = this.#log.subscribe(name, (batch) => batches.push(batch));
    stream.followers.push({ batches, subscription, isClosed: false });
  }

  #unfollow({ followers }: ModelStream): void {
    const open = followers.filter(({ isClosed }) => !isClosed);
    const chosen = open[this.#random.below(open.length)];
    if (chosen === undefined) return;
    chosen.subscription.close();
    chosen.isClosed = true;
  }

  #drop(name: string, stream: ModelStream): void {
    stream.lives.push([]);
    this.#pending.push(this.#log.drop(name));
  }

  /** Once all is quiet the log holds exactly the last life, and every follower can make it whole from any offset. */
  async #compare(name: string, stream: ModelStream): Promise<void> {
    const { epoch, floor, top } = await this.#log.info(name);
    assert.deepEqual([floor, top], [0, stream.now.length]);
    for (const follower of stream.followers) {
      const shown = inOrder(follower.batches);
      const own = shown.get(epoch) ?? [];
      const first = own[0]?.offset ?? top + 1;
      const after = this.#random.below(first);
      const read = await this.#readUpTo(name, after, first - 1);
      const whole = [...read, ...own.map(({ n }) => n)];
      if (follower.isClosed) assert.deepEqual(whole, stream.now.slice(after, after + whole.length));
      else assert.deepEqual(whole, stream.now.slice(after));
    }
  }

  async #readUpTo(name: string, after: number, to: number): Promise<number[]> {
    const numbers: number[] = [];
    let at = after;
    while (at < to) {
      const { batches } = await this.#log.read(name, { after: at, maxBytes: 1_000 });
      assert.ok(batches.length > 0);
      for (const batch of batches) {
        assert.ok(batch.offset <= at + 1, 'there is no gap');
        for (const [i, { n }] of eventsIn(batch).entries()) {
          const offset = batch.offset + i;
          if (offset > at && offset <= to) numbers.push(n);
        }
        at = Math.max(at, batch.offset + batch.count - 1);
      }
    }
    return numbers;
  }
}

/** The events that a sink was shown, by epoch; each once, in order, without a gap. */
function inOrder(batches: readonly Batch[]): Map<string, { offset: number; n: number }[]> {
  const epochs = new Map<string, { offset: number; n: number }[]>();
  let current: string | undefined;
  for (const batch of batches) {
    const events = epochs.get(batch.epoch) ?? [];
    assert.ok(batch.epoch === current || events.length === 0, 'an epoch that is over does not come back');
    current = batch.epoch;
    for (const [i, { n }] of eventsIn(batch).entries()) {
      const offset = batch.offset + i;
      const last = events.at(-1)?.offset;
      assert.ok(last === undefined || offset === last + 1, `offset ${offset} is shown after ${last}`);
      events.push({ offset, n });
    }
    epochs.set(batch.epoch, events);
  }
  return epochs;
}
