/**
 * What a factory prepares, once for all instances that have configured it alike.
 *
 * The record `factories/<name>/<fingerprint>` walks the table FACTORY for all of them: whoever claims it prepares under a
 * lease, and the others wait for the verdict. An owner that dies is taken over, and what failed is tried again by anybody
 * after a pause. Where the store is not shared, nothing is written.
 */
import { type Clock, sleep } from '../clock.ts';
import { coreError } from '../errors.ts';
import { reasonOf } from '../redact.ts';
import { fingerprintOf, notJson } from './json.ts';
import type { Json, KeyValueStore } from './key-value-store.ts';
import { type Fields, fieldsOf, LEASE, type Lease, ownerOf } from './lease.ts';
import type { Leases } from './leases.ts';
import { type Observed, ObservedRecords } from './observed-records.ts';

/** What is asked of whoever prepares. */
export interface Preparing {
  /** Ends all of it. */
  readonly signal: AbortSignal;
  /** Called when it is this instance's turn. */
  prepare(signal: AbortSignal): Promise<unknown>;
  /** Called while it is another's, with what is waited for. */
  awaits(what: string): void;
}

/** Pause after the first failure, doubled for each further one, and the longest, in milliseconds. */
const AGAIN_MS = { first: 1_000, cap: 30_000 } as const;

type Made = { readonly value: Json | undefined };

export class Preparation {
  readonly #factory: string;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #leases: Leases;

  constructor(factory: string, store: KeyValueStore, clock: Clock, leases: Leases) {
    this.#factory = factory;
    this.#store = store;
    this.#clock = clock;
    this.#leases = leases;
  }

  /**
   * The value that was prepared, here or elsewhere.
   *
   * @param config what it is prepared from; instances in which that differs prepare each their own.
   * @param told the fingerprint of `config`.
   * @throws MusterError `FACTORY_NOT_JSON`, and what `prepare` throws.
   */
  async once(config: unknown, work: Preparing, told: (fingerprint: string) => void): Promise<unknown> {
    this.#check('Its configuration', config);
    if (this.#store.isShared !== true) return this.#checked(await work.prepare(work.signal));
    const fingerprint = fingerprintOf(config);
    told(fingerprint);
    const key = `factories/${this.#factory}/${fingerprint}`;
    let wake = (): void => {};
    const records = new ObservedRecords(this.#store, this.#clock, key, () => wake());
    try {
      for (let isLoaded = false; ;) {
        work.signal.throwIfAborted();
        isLoaded ||= await this.#tried(work, async () => records.load().then(() => true), false);
        const record = records.get(key);
        const said: Fields = record === undefined ? {} : fieldsOf(record);
        if (said['state'] === 'ready') return said['value'];
        const lease = isLoaded ? await this.#tried(work, () => this.#claim(key, record, said), undefined) : undefined;
        const made = lease && (await this.#make(lease, work));
        if (made !== undefined) return made.value;
        if (said['state'] !== undefined) work.awaits(awaited(said));
        await this.#pause(work.signal, (woken) => (wake = woken));
      }
    } finally {
      records.close();
    }
  }

  /** What the store cannot do now it is asked again. */
  async #tried<T>(work: Preparing, ask: () => Promise<T>, otherwise: T): Promise<T> {
    try {
      return await ask();
    } catch (error) {
      work.awaits(`the store fails: ${reasonOf(error)}`);
      return otherwise;
    }
  }

  /** Until somebody has written, or for as long as a look takes. */
  async #pause(signal: AbortSignal, onWake: (wake: () => void) => void): Promise<void> {
    const over = new AbortController();
    onWake(() => over.abort());
    const onAbort = (): void => over.abort();
    signal.addEventListener('abort', onAbort, { once: true });
    await sleep(this.#clock, LEASE.retryMs, over.signal).catch(() => {});
    signal.removeEventListener('abort', onAbort);
    onWake(() => {});
  }

  async #claim(key: string, record: Observed | undefined, said: Fields): Promise<Lease | undefined> {
    const begin = (before: Fields): Fields => ({ state: 'initialising', failures: before['failures'] ?? 0 });
    if (record === undefined) return this.#leases.claim(key, begin({}));
    if (said['state'] === 'failed') {
      const pauseMs = Math.min(AGAIN_MS.first * 2 ** (Number(said['failures']) - 1), AGAIN_MS.cap);
      return this.#clock.monotonic() - record.since < pauseMs ? undefined : this.#leases.takeOver(record, begin);
    }
    const { leaseMs } = record.value as { leaseMs?: number };
    const isLeft = this.#clock.monotonic() - record.since >= (leaseMs ?? 0) + LEASE.marginMs;
    // What this instance began and lost is its own to begin again.
    if (!isLeft && ownerOf(record) !== this.#leases.owner) return undefined;
    return this.#leases.takeOver(record, begin);
  }

  /** Prepares under the lease; `undefined` when that was lost on the way, so that somebody else does or has done it. */
  async #make(lease: Lease, work: Preparing): Promise<Made | undefined> {
    const both = new AbortController();
    const lost = lease.signal;
    const onStop = (): void => both.abort(work.signal.reason);
    const onLost = (): void => both.abort(lost.reason);
    work.signal.addEventListener('abort', onStop, { once: true });
    lost.addEventListener('abort', onLost, { once: true });
    try {
      const value = this.#checked(await work.prepare(both.signal));
      await this.#write(lease, work.signal, { state: 'ready', ...(value === undefined ? {} : { value }) });
      lease.leave();
      return { value };
    } catch (error) {
      if (!lease.isHeld) return undefined;
      if (work.signal.aborted) {
        // As if it had never begun: the next one need not wait.
        await lease.release().catch(() => {});
        throw error;
      }
      const failures = Number(lease.value['failures'] ?? 0) + 1;
      // Where even that cannot be written, the lease ends and another begins again.
      await lease.update(() => ({ state: 'failed', failures, reason: reasonOf(error) })).catch(() => {});
      lease.leave();
      throw error;
    } finally {
      work.signal.removeEventListener('abort', onStop);
      lost.removeEventListener('abort', onLost);
    }
  }

  /** Tried for as long as the lease is held. */
  async #write(lease: Lease, signal: AbortSignal, fields: Fields): Promise<void> {
    for (;;) {
      try {
        await lease.update(() => fields);
        return;
      } catch (error) {
        if (!lease.isHeld) throw error;
        await sleep(this.#clock, LEASE.retryMs, signal);
      }
    }
  }

  #checked(value: unknown): Json | undefined {
    this.#check('What its prepare() returned', value);
    return value as Json | undefined;
  }

  #check(what: string, value: unknown): void {
    const problem = notJson(value);
    if (problem !== undefined) throw coreError('FACTORY_NOT_JSON', { factory: this.#factory, what, problem });
  }
}

function awaited({ state, reason }: Fields): string {
  return state === 'failed' && typeof reason === 'string' ? `it failed: ${reason}` : 'another instance prepares it';
}
