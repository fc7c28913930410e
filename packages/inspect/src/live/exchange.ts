/**
 * What instances show of one another, through the store that they share: nothing while nobody looks at another one.
 *
 * Whoever looks says so every few seconds; the inspector of each instance then keeps what there is to see of it in the store,
 * compressed. It is all gone again some seconds after the last look.
 */
import type { GraphDump, Timer } from '@muster/contracts';
import {
  type DeliveryMark,
  type InspectedApp,
  Instances,
  KeyValueStore,
  mergeGraphs,
  sleep,
  type Subscription,
} from '@muster/core';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { namesOf } from './instance-names.ts';
import type { LiveView } from './live-view.ts';
import type { Overview } from './overview.ts';
import type { RunAt } from './runs.ts';

const PREFIX = 'inspect/';
const WANT = `${PREFIX}want/`;
/** How often whoever looks says so, and for how long that counts, in milliseconds. */
const SAY_MS = 4_000;
const COUNTS_MS = 10_000;
/** Pause between two writes of what is to be seen, in milliseconds. */
const WRITE_MS = 1_000;
/** Marks of one stream that are shown, the latest. */
const MARKS = 2_000;
/** How long is waited for instances that have not shown themselves yet, in milliseconds. */
const PATIENCE_MS = 3_000;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** What stands in the store of one instance. */
interface Shown {
  readonly overview: Overview;
  /** Its latest runs. */
  readonly runs: readonly RunAt[];
  /** Which of its sockets got what, by stream, of streams at which somebody looks. */
  readonly marks: Readonly<Record<string, readonly DeliveryMark[]>>;
}

/** What an instance wants to see beside the others themselves. */
interface Want {
  readonly streams: readonly string[];
  readonly revision: number;
}

/** How far somebody has read the marks of each instance. */
export type MarksRead = Map<string, { revision: number; n: number }>;

interface Written {
  readonly zip: string;
  readonly revision: number;
}

export class Exchange {
  readonly #app: InspectedApp;
  readonly #view: LiveView;
  readonly #store: KeyValueStore;
  readonly #instances: Instances;
  readonly #faulty: (error: unknown) => void;
  readonly #subscription: Subscription;
  readonly #written = new Map<string, Written>();
  /** By instance, those that are no more among them. */
  readonly #wants = new Map<string, Want>();
  /** How many look at each stream here. */
  readonly #streams = new Map<string, number>();
  #wantedUntil = 0;
  #lookers = 0;
  #saying: Timer | undefined;
  /** Resolves when what was said last is in the store. */
  #said: Promise<void> = Promise.resolve();
  #writing: Timer | undefined;
  /** Whether this instance shows itself to others. */
  #isShown = false;
  /** Resolves when what it shows last is in the store. */
  #shown: Promise<void> = Promise.resolve();
  #hasFailed = false;
  #isClosed = false;

  constructor(
    app: InspectedApp,
    view: LiveView,
    store: KeyValueStore,
    instances: Instances,
    faulty: (error: unknown) => void,
  ) {
    this.#app = app;
    this.#view = view;
    this.#store = store;
    this.#instances = instances;
    this.#faulty = faulty;
    this.#subscription = store.watch(PREFIX, (change) => {
      if (change.key.startsWith(WANT)) {
        const id = change.key.slice(WANT.length);
        if (change.type === 'delete') this.#wants.delete(id);
        else {
          const { streams } = change.value as { readonly streams: readonly string[] };
          this.#wants.set(id, { streams, revision: change.revision });
          this.#wanted();
        }
      } else if (change.type === 'delete') this.#written.delete(change.key);
      else {
        const { zip } = change.value as { readonly zip: string };
        this.#written.set(change.key, { zip, revision: change.revision });
      }
    });
  }

  /** Has all instances show themselves until the returned function is called. */
  look(): () => void {
    this.#lookers += 1;
    // Others hear at once of who looks at something else.
    this.#say();
    let looks = true;
    return () => {
      if (!looks) return;
      looks = false;
      this.#lookers -= 1;
      if (this.#lookers > 0) return;
      this.#saying?.cancel();
      // What is under way would say it again.
      void this.#said.then(async () => {
        if (this.#lookers === 0) await this.#attempt(() => this.#forgetWant(this.#instances.id));
      });
    };
  }

  /** Has all instances show which of their sockets got the events of a stream, until the returned function is called. */
  lookAt(stream: string): () => void {
    this.#streams.set(stream, (this.#streams.get(stream) ?? 0) + 1);
    const stop = this.look();
    return () => {
      const left = (this.#streams.get(stream) ?? 1) - 1;
      if (left > 0) this.#streams.set(stream, left);
      else this.#streams.delete(stream);
      stop();
    };
  }

  /** What others have shown of a stream and was not read before, as far as `top`; `read` goes on by that. */
  async marksOf(stream: string, read: MarksRead, top: number): Promise<DeliveryMark[]> {
    const marks: DeliveryMark[] = [];
    for (const { id } of this.#instances.others()) {
      const revision = this.revisionOf(id);
      const place = read.get(id) ?? { revision: 0, n: 0 };
      if (revision === place.revision) continue;
      const all = (await this.shown(id))?.marks[stream] ?? [];
      // What the log has not shown here yet is read again with what comes next.
      const next = all.filter(({ n }) => n > place.n);
      const beyond = next.findIndex(({ to }) => to > top);
      const known = beyond === -1 ? next : next.slice(0, beyond);
      marks.push(...known);
      read.set(id, { revision: beyond === -1 ? revision : 0, n: known.at(-1)?.n ?? place.n });
    }
    return marks;
  }

  /** The number of what an instance has shown last; it grows. 0 where it has shown nothing. */
  revisionOf(instance: string): number {
    return this.#written.get(keyOf(instance))?.revision ?? 0;
  }

  /** What an instance has shown last. */
  async shown(instance: string): Promise<Shown | undefined> {
    const written = this.#written.get(keyOf(instance));
    if (written === undefined) return undefined;
    return JSON.parse(String(await inflate(Buffer.from(written.zip, 'base64')))) as Shown;
  }

  /** True of an instance that lives, other than this one. */
  knows(instance: string): boolean {
    return this.#instances.others().some(({ id }) => id === instance);
  }

  /** The graphs of all instances as one. An instance without an inspector is not in it. */
  async merged(): Promise<GraphDump> {
    const dumps: [string, GraphDump][] = [[this.#instances.id, this.#app.graph().toJSON()]];
    for await (const [id, { overview }] of this.#others()) dumps.push([id, overview.graph]);
    const names = namesOf(dumps.map(([id]) => id));
    return mergeGraphs(new Map(dumps.map(([, dump], i) => [names[i] as string, dump])));
  }

  /** One of the latest runs of any other instance; undefined where none of them shows it. */
  async findRun(run: string): Promise<RunAt | undefined> {
    for await (const [, { runs }] of this.#others()) {
      const found = runs.find((each) => each.run === run);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What each other instance shows from now on; without those that show nothing in time, as all that have no inspector. */
  async *#others(): AsyncGenerator<[string, Shown]> {
    const stop = this.look();
    try {
      const ids = this.#instances.others().map(({ id }) => id);
      const { clock } = this.#app;
      const before = new Map(ids.map((id) => [id, this.revisionOf(id)]));
      const until = clock.monotonic() + PATIENCE_MS;
      const isMissing = (id: string): boolean => this.revisionOf(id) === before.get(id) && this.knows(id);
      for (const id of ids) {
        while (isMissing(id) && clock.monotonic() < until) await sleep(clock, 50);
        const shown = await this.shown(id);
        if (shown !== undefined) yield [id, shown];
      }
    } finally {
      stop();
    }
  }

  /** Takes away what this instance has shown; the store is still there. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#saying?.cancel();
    this.#writing?.cancel();
    // What is under way is stored all the same, and the watch tells of it.
    await Promise.all([this.#said, this.#shown]);
    this.#subscription.close();
    const { id } = this.#instances;
    await this.#attempt(async () => {
      await this.#forget(id);
      await this.#forgetWant(id);
    });
  }

  #say(): void {
    this.#saying?.cancel();
    this.#saying = this.#app.clock.schedule(SAY_MS, () => this.#say());
    this.#said = this.#attempt(async () => {
      const own = this.#instances.id;
      const value = { streams: [...this.#streams.keys()], at: this.#app.clock.now() };
      const { revision } = this.#wants.get(own) ?? { revision: 0 };
      // In a conflict the watch tells what there is, and the next time knows it.
      const key = WANT + own;
      const said = await (revision === 0 ? this.#store.create(key, value) : this.#store.update(key, value, revision));
      if (said.ok) this.#wants.set(own, { streams: value.streams, revision: said.revision });
      const isGone = (id: string): boolean => id !== own && !this.knows(id);
      for (const written of this.#written.keys()) {
        const id = written.slice(keyOf('').length);
        if (isGone(id)) await this.#forget(id);
      }
      for (const id of this.#wants.keys()) if (isGone(id)) await this.#forgetWant(id);
    });
  }

  #wanted(): void {
    this.#wantedUntil = this.#app.clock.monotonic() + COUNTS_MS;
    if (!this.#isShown && !this.#isClosed) this.#show();
  }

  /** One write after the other: one that is slow must not bring back what is forgotten by then. */
  #show(): void {
    this.#isShown = true;
    this.#shown = this.#write().then(() => {
      if (this.#isClosed) return;
      this.#writing = this.#app.clock.schedule(WRITE_MS, () => {
        if (this.#app.clock.monotonic() < this.#wantedUntil) return this.#show();
        this.#isShown = false;
        void this.#attempt(() => this.#forget(this.#instances.id));
      });
    });
  }

  async #write(): Promise<void> {
    await this.#attempt(async () => {
      const overview = this.#view.overview();
      const runs = this.#view.runs.known.map(({ run, stream, offset }) => ({ run, stream, offset }));
      const marks = this.#ownMarks();
      const zip = (await deflate(JSON.stringify({ overview, runs, marks } satisfies Shown))).toString('base64');
      if (this.#isClosed) return;
      const key = keyOf(this.#instances.id);
      const { revision } = this.#written.get(key) ?? { revision: 0 };
      const value = { zip };
      // In a conflict the watch tells what there is, and the next write knows it.
      const said = await (revision === 0 ? this.#store.create(key, value) : this.#store.update(key, value, revision));
      if (said.ok) this.#written.set(key, { zip, revision: said.revision });
    });
  }

  /** Of all streams at which an instance looks. */
  #ownMarks(): Shown['marks'] {
    const { server } = this.#app;
    if (server === undefined) return {};
    const streams = new Set([...this.#wants.values()].flatMap((want) => want.streams));
    return Object.fromEntries([...streams].map((stream) => [stream, server.marksOf(stream, 0).slice(-MARKS)]));
  }

  async #forgetWant(instance: string): Promise<void> {
    const want = this.#wants.get(instance);
    if (want !== undefined) await this.#store.delete(WANT + instance, want.revision);
  }

  async #forget(instance: string): Promise<void> {
    const key = keyOf(instance);
    const written = this.#written.get(key);
    if (written !== undefined) await this.#store.delete(key, written.revision);
  }

  /** What fails here is tried again with the next look; it is told once. */
  async #attempt(work: () => Promise<void>): Promise<void> {
    try {
      await work();
      this.#hasFailed = false;
    } catch (error) {
      if (!this.#hasFailed) this.#faulty(error);
      this.#hasFailed = true;
    }
  }
}

function keyOf(instance: string): string {
  return `${PREFIX}of/${instance}`;
}
