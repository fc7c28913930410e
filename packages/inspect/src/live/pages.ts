/**
 * Sends an app's state to everybody who looks: whole at first, then what has changed, made once for all of them.
 *
 * Nothing is done while nobody looks. A page that does not keep up gets all of it anew when it does again.
 */
import type { Timer } from '@muster/contracts';
import { EventLog, type InspectedApp, reasonOf } from '@muster/core';
import type { EventStream } from '../listener/event-stream.ts';
import { Changes } from './changes.ts';
import type { Exchange } from './exchange.ts';
import type { LiveView } from './live-view.ts';
import { RunEventReader } from './run-events.ts';
import type { RunAt } from './runs.ts';

/** Least pause between two looks, in milliseconds. */
const LOOK_MS = 500;
/** How long whoever comes during the boot waits for a first picture, in milliseconds. */
const BOOT_MS = 500;
/** How often the time that a look has taken must pass before the next: however large an app is, watching it costs no more. */
const PATIENCE = 25;
/** Looks between two signs of life to a page for which nothing has changed. */
const SIGN = 10;

export class Pages {
  readonly #app: InspectedApp;
  readonly #view: LiveView;
  readonly #payloads: boolean;
  /** True of those that have to be given all of it. */
  readonly #pages = new Map<EventStream, boolean>();
  readonly #readers = new Map<EventStream, RunEventReader>();
  readonly #others = new Map<EventStream, { instance: string; exchange: Exchange; revision: number }>();
  #changes: Changes | undefined;
  #timer: Timer | undefined;
  /** What the last look has taken, in milliseconds. */
  #tookMs = 0;
  #looks = 0;
  #isClosed = false;

  constructor(app: InspectedApp, view: LiveView, payloads: boolean) {
    this.#app = app;
    this.#view = view;
    this.#payloads = payloads;
  }

  /** Shows the app on a stream until that is closed. */
  show(stream: EventStream): void {
    this.#pages.set(stream, true);
    stream.onClose(() => this.#pages.delete(stream));
    // The first picture of a large app is dear, and a boot that takes less than this is over before anybody can look at it.
    if (this.#app.state() === 'starting') return this.#wake(BOOT_MS);
    this.#timed(() => this.#sendAll());
    this.#wake();
  }

  /** Shows another instance on a stream until that is closed. */
  showOther(stream: EventStream, instance: string, exchange: Exchange): void {
    const stop = exchange.look();
    this.#others.set(stream, { instance, exchange, revision: 0 });
    stream.onClose(() => {
      this.#others.delete(stream);
      stop();
    });
    this.#wake();
  }

  /**
   * Shows the events of one run on a stream until that is closed; false where there is no log to read.
   *
   * @param exchange tells which sockets of other instances got them.
   */
  showRun(stream: EventStream, run: RunAt, exchange?: Exchange): boolean {
    const log = this.#app.find(EventLog);
    if (log === undefined) return false;
    const reader = new RunEventReader(this.#app, log, run, this.#payloads, exchange);
    this.#readers.set(stream, reader);
    stream.onClose(() => {
      this.#readers.delete(stream);
      reader.close();
    });
    void this.#readRun(stream, reader);
    this.#wake();
    return true;
  }

  /** Sends what is left to be said, and ends every stream. */
  close(): void {
    this.#sendChanges();
    this.#isClosed = true;
    this.#timer?.cancel();
    for (const stream of this.#streams) stream.end();
  }

  get #streams(): EventStream[] {
    return [...this.#pages.keys(), ...this.#others.keys(), ...this.#readers.keys()];
  }

  #wake(pauseMs = Math.max(LOOK_MS, this.#tookMs * PATIENCE)): void {
    this.#timer ??= this.#app.clock.schedule(pauseMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#looks += 1;
    try {
      this.#timed(() => this.#sendChanges());
      await Promise.all([
        ...[...this.#readers].map(([stream, reader]) => this.#readRun(stream, reader)),
        ...[...this.#others.keys()].map((stream) => this.#sendOther(stream)),
      ]);
    } finally {
      this.#timer = undefined;
      if (this.#streams.length > 0 && !this.#isClosed) this.#wake();
      else this.#changes = undefined;
    }
  }

  #timed(work: () => void): void {
    const { clock } = this.#app;
    const began = clock.monotonic();
    work();
    this.#tookMs = clock.monotonic() - began;
  }

  #sendChanges(): void {
    if (this.#isClosed || this.#pages.size === 0) return;
    // A page knows by it that it is still told.
    const sign = this.#looks % SIGN === 0 ? JSON.stringify({ at: this.#app.clock.now() }) : undefined;
    const json = this.#changes?.take() ?? sign;
    let isAnyBehind = false;
    for (const [stream, isBehind] of this.#pages) {
      if (isBehind || !stream.keepsUp) {
        this.#pages.set(stream, true);
        isAnyBehind ||= stream.keepsUp;
      } else if (json !== undefined) stream.send('change', json);
    }
    if (isAnyBehind) this.#sendAll();
  }

  /** All of it, to those who need it; the others are told of what has changed since the last look first. */
  #sendAll(): void {
    const waiting = [...this.#pages].filter(([stream, isBehind]) => isBehind && stream.keepsUp);
    const others = [...this.#pages].filter(([, isBehind]) => !isBehind);
    const change = others.length > 0 ? this.#changes?.take() : undefined;
    if (change !== undefined) for (const [stream] of others) stream.send('change', change);
    const overview = this.#view.overview();
    this.#changes = new Changes(this.#app, this.#view, overview);
    const json = JSON.stringify(overview);
    for (const [stream] of waiting) {
      stream.send('overview', json);
      this.#pages.set(stream, false);
    }
  }

  /** All of it each time: it comes once a second at the most. */
  async #sendOther(stream: EventStream): Promise<void> {
    const other = this.#others.get(stream);
    if (other === undefined || !stream.keepsUp) return;
    const { instance, exchange } = other;
    const revision = exchange.revisionOf(instance);
    if (revision === other.revision) return;
    other.revision = revision;
    const shown = await exchange.shown(instance);
    if (shown !== undefined && this.#others.has(stream)) stream.send('overview', JSON.stringify(shown.overview));
  }

  async #readRun(stream: EventStream, reader: RunEventReader): Promise<void> {
    try {
      const events = stream.keepsUp ? await reader.take() : undefined;
      if (!this.#readers.has(stream)) return;
      if (events !== undefined) stream.send('events', JSON.stringify(events));
      if (reader.isQuiet) stream.send('end', JSON.stringify({ run: reader.run }));
    } catch (error) {
      // It is read again with the next look; whoever looks is told why there is nothing.
      if (this.#readers.has(stream)) stream.send('trouble', JSON.stringify({ message: reasonOf(error) }));
    }
  }
}
