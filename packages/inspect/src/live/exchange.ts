/**
 * What instances show of one another, through the store that they share: nothing while nobody looks at another one.
 *
 * Whoever looks says so every few seconds; the inspector of each instance then keeps what there is to see of it in the store,
 * compressed. It is all gone again some seconds after the last look.
 */
import type { GraphDump, Timer } from '@muster/contracts';
import { type InspectedApp, Instances, KeyValueStore, mergeGraphs, sleep, type Subscription } from '@muster/core';
import { promisify } from 'node:util';
import { deflateRaw, inflateRaw } from 'node:zlib';
import { namesOf } from './instance-names.ts';
import type { LiveView } from './live-view.ts';
import type { Overview } from './overview.ts';
import type { KnownRun } from './runs.ts';

const PREFIX = 'inspect/';
const WANT = `${PREFIX}want`;
/** How often whoever looks says so, and for how long that counts, in milliseconds. */
const SAY_MS = 4_000;
const COUNTS_MS = 10_000;
/** Pause between two writes of what is to be seen, in milliseconds. */
const WRITE_MS = 1_000;
/** How long is waited for instances that have not shown themselves yet, in milliseconds. */
const PATIENCE_MS = 3_000;

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);

/** What stands in the store of one instance. */
interface Shown {
  readonly overview: Overview;
  /** Where the events of its runs are. */
  readonly runs: readonly Omit<KnownRun, 'line'>[];
}

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
  #wantedUntil = 0;
  #wantRevision = 0;
  #lookers = 0;
  #saying: Timer | undefined;
  #writing: Timer | undefined;
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
      if (change.key === WANT) {
        this.#wantRevision = change.revision;
        if (change.type === 'put') this.#wanted();
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
    if (this.#lookers === 1) void this.#say();
    let looks = true;
    return () => {
      if (!looks) return;
      looks = false;
      this.#lookers -= 1;
      if (this.#lookers === 0) this.#saying?.cancel();
    };
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
    const stop = this.look();
    try {
      const others = this.#instances.others().map(({ id }) => id);
      const { clock } = this.#app;
      const before = new Map(others.map((id) => [id, this.revisionOf(id)]));
      const until = clock.monotonic() + PATIENCE_MS;
      const isMissing = (id: string): boolean => this.revisionOf(id) === (before.get(id) ?? 0) && this.knows(id);
      while (others.some(isMissing) && clock.monotonic() < until) await sleep(clock, 50);
      const dumps: [string, GraphDump][] = [[this.#instances.id, this.#app.graph().toJSON()]];
      for (const id of others) {
        const shown = await this.shown(id);
        if (shown !== undefined) dumps.push([id, shown.overview.graph]);
      }
      const names = namesOf(dumps.map(([id]) => id));
      return mergeGraphs(new Map(dumps.map(([, dump], i) => [names[i] as string, dump])));
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
    this.#subscription.close();
    await this.#attempt(() => this.#forget(this.#instances.id));
  }

  async #say(): Promise<void> {
    this.#saying = this.#app.clock.schedule(SAY_MS, () => void this.#say());
    await this.#attempt(async () => {
      const value = { by: this.#instances.id, at: this.#app.clock.now() };
      const revision = this.#wantRevision;
      const written =
        revision === 0 ? await this.#store.create(WANT, value) : await this.#store.update(WANT, value, revision);
      // Somebody else has said it at the same time: that does as well.
      this.#wantRevision = written.revision;
      for (const key of this.#written.keys()) {
        const id = key.slice(keyOf('').length);
        if (id !== this.#instances.id && !this.knows(id)) await this.#forget(id);
      }
    });
  }

  #wanted(): void {
    this.#wantedUntil = this.#app.clock.monotonic() + COUNTS_MS;
    if (this.#writing === undefined && !this.#isClosed) void this.#write();
  }

  async #write(): Promise<void> {
    const { clock } = this.#app;
    this.#writing = clock.schedule(WRITE_MS, () => {
      this.#writing = undefined;
      if (this.#isClosed) return;
      if (clock.monotonic() < this.#wantedUntil) void this.#write();
      else void this.#attempt(() => this.#forget(this.#instances.id));
    });
    await this.#attempt(async () => {
      const overview = this.#view.overview();
      const runs = this.#view.runs.known.map(({ run, stream, offset }) => ({ run, stream, offset }));
      const zip = (await deflate(JSON.stringify({ overview, runs } satisfies Shown))).toString('base64');
      if (this.#isClosed) return;
      const key = keyOf(this.#instances.id);
      const { revision } = this.#written.get(key) ?? { revision: 0 };
      const value = { zip };
      // In a conflict the watch tells what there is, and the next write knows it.
      await (revision === 0 ? this.#store.create(key, value) : this.#store.update(key, value, revision));
    });
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
