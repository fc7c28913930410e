/**
 * The key-value store on NATS JetStream: a key is a subject that keeps its last message, a revision is its sequence.
 *
 * Writes are made under the condition that the key is as it was; a write of which nobody knows what became of it is sent
 * again, and says by whom it was.
 */
import {
  Clock,
  type Json,
  type KeyValueChange,
  type KeyValueEntry,
  type KeyValueStore,
  Random,
  RuntimeEvents,
  service,
  sleep,
  type Subscription,
  type Written,
} from '@muster/core';
import { Barrier } from './barrier.ts';
import { Chain, type ChainEnd, headAmong, type Link } from './chain.ts';
import { natsError } from './errors.ts';
import { isPassing, type JetStream, type Kept, whyUnanswered } from './jetstream.ts';
import { KeyWatch } from './key-watch.ts';
import { LiveFeed, LOOK_AGAIN_MS } from './live-feed.ts';
import { NatsConnection } from './nats-connection.ts';
import { NatsSettings } from './options.ts';
import { keyToSubject, prefixToSubject, subjectToKey } from './subjects.ts';
import { Timers } from './timers.ts';

/** How long a call is tried, in milliseconds: a change of leaders takes up to nine seconds. */
const PATIENCE_MS = 12_000;
const AGAIN_MS = { first: 50, most: 1_000 } as const;
/** How long it is remembered that a key was deleted, in milliseconds: those who watch must hear of it. */
const DELETED_MS = 60_000;
/** A list is read key by key up to so many, and else all at once. */
const FEW = 4;

/** So many messages of a key are kept: of those that are written at the same time the first one counts. */
const HISTORY = 32;

/** What a message of the store holds. */
interface Content {
  /** By which attempt it was written. */
  readonly by: string;
  /** Sequence of the message that it follows. */
  readonly after: number;
  /** Absent where the key was deleted; then `at` says when. */
  readonly value?: Json;
  readonly at?: number;
}

/** A key as it is kept, or as it was deleted. */
export interface KeptKey extends Link {
  readonly key: string;
  readonly content: Content;
}

interface Opened {
  readonly jetstream: JetStream;
  readonly chain: Chain<KeptKey>;
  readonly barrier: Barrier;
  readonly live: LiveFeed;
  readonly timers: Timers;
}

@service({ dependsOn: [NatsConnection, NatsSettings, Clock, Random, RuntimeEvents] })
export class NatsKeyValueStore implements KeyValueStore {
  readonly isShared = true;
  readonly #connection: NatsConnection;
  readonly #settings: NatsSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #events: RuntimeEvents;
  readonly #watches = new Set<KeyWatch>();
  #opened: Opened | undefined;
  #instance = '';
  #attempts = 0;

  constructor(connection: NatsConnection, settings: NatsSettings, clock: Clock, random: Random, events: RuntimeEvents) {
    this.#connection = connection;
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
    this.#events = events;
  }

  /** @throws MusterError `NATS_STREAM_UNFIT`, or `NATS_NO_JETSTREAM`, which can pass. */
  async start(): Promise<void> {
    const { name, replicas } = this.#settings;
    await this.#connection.ensureStream({
      name: this.#stream,
      subjects: [`${name}.keys.>`],
      num_replicas: replicas,
      max_msgs_per_subject: HISTORY,
      republish: { src: `${name}.keys.>`, dest: `${name}.kept.>` },
    });
    this.#instance = this.#random.uuid();
    const barrier = new Barrier(() => this.#storeMark(), this.#clock);
    const live = new LiveFeed(this.#connection, this.#stream, () => {
      barrier.raise();
      for (const watch of this.#watches) void watch.heal();
    });
    const jetstream = this.#connection.jetstream(this.#stream);
    const chain = new Chain(jetstream, (kept) => this.#decoded(kept));
    this.#opened = { jetstream, chain, barrier, live, timers: new Timers(this.#clock) };
    live.open();
    barrier.raise();
    await barrier.passed();
  }

  async stop(): Promise<void> {
    this.#opened?.timers.close();
    // What is being listed still needs the connection.
    await Promise.all([...this.#watches].map((watch) => watch.close()));
    this.#opened?.live.close();
    this.#opened?.barrier.close();
    this.#opened = undefined;
  }

  async get(key: string): Promise<KeyValueEntry | undefined> {
    const kept = await this.#head(key);
    return kept && entryOf(kept);
  }

  create(key: string, value: Json): Promise<Written> {
    return this.#write(key, JSON.stringify(value), 0);
  }

  update(key: string, value: Json, expectedRevision: number): Promise<Written> {
    return this.#write(key, JSON.stringify(value), expectedRevision);
  }

  delete(key: string, expectedRevision: number): Promise<Written> {
    return this.#write(key, undefined, expectedRevision);
  }

  async list(prefix: string): Promise<readonly KeyValueEntry[]> {
    const kept = await this.#heads(prefix);
    const entries = kept.map(entryOf).filter((entry) => entry !== undefined);
    return entries.sort((one, other) => (one.key < other.key ? -1 : 1));
  }

  watch(prefix: string, sink: (change: KeyValueChange) => void): Subscription {
    const { live, timers } = this.#open;
    const watch: KeyWatch = new KeyWatch(prefix, {
      list: () => this.#heads(prefix),
      look: (key) => this.#head(key),
      sink: (change) => {
        try {
          sink(change);
        } catch (error) {
          this.#fault('key-value store watcher', error);
        }
      },
      failed: () => timers.later(AGAIN_MS.most, () => void watch.heal()),
    });
    this.#watches.add(watch);
    const { name } = this.#settings;
    const end = live.listen(`${name}.kept.${prefixToSubject(prefix)}`, ({ subject, sequence, before, data }) => {
      watch.changed(decode({ subject: subject.slice(`${name}.kept.`.length), sequence, data }), before);
    });
    void watch.heal();
    for (const ms of LOOK_AGAIN_MS) timers.later(ms, () => void watch.heal());
    return {
      close: () => {
        end();
        void watch.close();
        this.#watches.delete(watch);
      },
    };
  }

  /** The last message that counts of every key with a prefix, deleted ones included. */
  async #heads(prefix: string): Promise<readonly KeptKey[]> {
    const subject = `${this.#settings.name}.keys.${prefixToSubject(prefix)}`;
    const all = await this.#persist(() => this.#readAll(subject));
    const byKey = new Map<string, KeptKey[]>();
    for (const each of all) {
      const kept = this.#decoded(each);
      if (!kept.key.startsWith(prefix) || each.subject === this.#mark) continue;
      const known = byKey.get(kept.key);
      if (known === undefined) byKey.set(kept.key, [kept]);
      else known.push(kept);
    }
    const heads = Array.from(byKey.values(), headAmong).filter((head) => head !== undefined);
    for (const head of heads) if (isOver(head.content, this.#clock.now())) this.#forget(head);
    return heads;
  }

  get #open(): Opened {
    if (this.#opened === undefined) throw natsError('NATS_CLOSED', {});
    return this.#opened;
  }

  get #stream(): string {
    return `${this.#settings.name}_keys`;
  }

  /** The subject of what is only stored to know that all before it is. */
  get #mark(): string {
    return `${this.#settings.name}.keys.@mark`;
  }

  #subject(key: string): string {
    return `${this.#settings.name}.keys.${keyToSubject(key)}`;
  }

  #decoded({ subject, ...rest }: Kept): KeptKey {
    return decode({ subject: subject.slice(`${this.#settings.name}.keys.`.length), ...rest });
  }

  async #readAll(subject: string): Promise<readonly Kept[]> {
    const { jetstream } = this.#open;
    const few: Kept[] = [];
    for (let sequence = 1; few.length < FEW;) {
      const next = await jetstream.next(subject, sequence);
      if (next === undefined) return few;
      few.push(next);
      sequence = next.sequence + 1;
    }
    return this.#connection.readAll(this.#stream, subject);
  }

  #end(key: string): Promise<ChainEnd<KeptKey>> {
    const { chain } = this.#open;
    return this.#persist(() => chain.end(this.#subject(key)));
  }

  async #head(key: string): Promise<KeptKey | undefined> {
    return (await this.#end(key)).head;
  }

  /**
   * Writes a key under the condition that it is as expected.
   *
   * @param text the value as JSON; `undefined` to delete.
   * @param expected its revision; 0 for a key that is not there.
   */
  async #write(key: string, text: string | undefined, expected: number): Promise<Written> {
    this.#attempts += 1;
    const by = `${this.#instance}:${this.#attempts}`;
    for (;;) {
      const { head, last } = await this.#end(key);
      const present = head?.content.value === undefined ? 0 : head.sequence;
      if (present !== expected || (text === undefined && present === 0))
        return { ok: false, why: 'conflict', revision: present };
      const kept = await this.#send(key, by, text, head?.sequence ?? 0, last);
      if (kept !== undefined) return this.#written(kept);
    }
  }

  /**
   * What was stored; nothing when another message follows the one that this was to follow.
   *
   * @param last sequence of the key's last message, which JetStream compares with.
   */
  #send(key: string, by: string, text: string | undefined, after: number, last: number): Promise<KeptKey | undefined> {
    const { jetstream, chain } = this.#open;
    const subject = this.#subject(key);
    const content: Content =
      text === undefined ? { by, after, at: this.#clock.now() } : { by, after, value: JSON.parse(text) as Json };
    const data = Buffer.from(JSON.stringify(content));
    return this.#persist(async () => {
      const published = await jetstream.publish(subject, data, last);
      if (published.ok && published.sequence === after + 1)
        return { key, sequence: published.sequence, previous: after, content };
      // Another may have been stored before it. And what was refused may have been stored by an attempt that got no answer.
      const next = await chain.successor(subject, after);
      return next?.content.by === by ? next : undefined;
    });
  }

  #written(kept: KeptKey): Written {
    for (const watch of this.#watches) watch.changed(kept, kept.previous);
    if (kept.content.value === undefined) this.#opened?.timers.later(DELETED_MS, () => this.#forget(kept));
    return { ok: true, revision: kept.sequence };
  }

  /** Takes away what says that a key was deleted, and all before it, unless it was written again. */
  #forget({ key, sequence }: KeptKey): void {
    const forget = async (): Promise<void> => {
      const { jetstream, chain } = this.#open;
      const last = await jetstream.last(this.#subject(key));
      if (last?.sequence !== sequence) return;
      await chain.forgetBelow(this.#subject(key), sequence);
      await jetstream.remove(sequence);
    };
    // What is left the next list finds again.
    forget().catch(() => {});
  }

  /** Says that something was deleted which is no key, since no key becomes such a subject. */
  async #storeMark(): Promise<void> {
    const content: Content = { by: this.#instance, after: 0, at: this.#clock.now() };
    await this.#open.jetstream.publishAny(this.#mark, Buffer.from(JSON.stringify(content)));
  }

  /** @throws MusterError `STORE_UNAVAILABLE` when there was no answer for so long as it is tried. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const startedAt = this.#clock.monotonic();
    for (let pause: number = AGAIN_MS.first; ; pause = Math.min(AGAIN_MS.most, pause * 2)) {
      try {
        await this.#open.barrier.caughtUp();
        return await work();
      } catch (error) {
        const waitedMs = Math.round(this.#clock.monotonic() - startedAt);
        if (!isPassing(error)) throw error;
        if (waitedMs > PATIENCE_MS || this.#opened === undefined)
          throw natsError('STORE_UNAVAILABLE', { waitedMs, reason: whyUnanswered(error) }, error);
      }
      await sleep(this.#clock, pause);
    }
  }

  #fault(component: string, error: unknown): void {
    this.#events.emit({ type: 'fault', component, correlation: null, error, at: this.#clock.now() });
  }
}

function decode({ subject, sequence, data }: Kept): KeptKey {
  const content = JSON.parse(Buffer.from(data).toString('utf8')) as Content;
  return { key: subjectToKey(subject), sequence, previous: content.after, content };
}

function entryOf({ key, sequence, content }: KeptKey): KeyValueEntry | undefined {
  return content.value === undefined ? undefined : { key, value: content.value, revision: sequence };
}

function isOver({ value, at }: Content, now: number): boolean {
  return value === undefined && (at ?? 0) + DELETED_MS < now;
}
