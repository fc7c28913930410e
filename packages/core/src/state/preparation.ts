/**
 * What a factory prepares, once for all instances that have configured it alike.
 *
 * The record `factories/<name>/<fingerprint>` walks the table FACTORY for all of them: whoever claims it prepares under a
 * lease, and the others wait for the verdict. An owner that dies is taken over, and what failed is tried again by anybody
 * after a pause. What is ready can be made anew, as the next epoch of the record, which keeps the last until then: nobody's
 * boot depends on a renewal. Where the store is not shared, nothing is written.
 */
import { type Clock, sleep } from '../clock.ts';
import { coreError } from '../errors.ts';
import { reasonOf } from '../redact.ts';
import { fingerprintOf, notJson } from './json.ts';
import type { Json, KeyValueStore } from './key-value-store.ts';
import { type Fields, fieldsOf, LEASE, type Lease, ownerOf } from './lease.ts';
import type { Leases } from './leases.ts';
import { type Observed, ObservedRecords } from './observed-records.ts';
import type { Subscription } from '../subscription.ts';

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

/** What was prepared; `epoch` says for which time, counted from 1. */
export type Prepared = {
  readonly value?: Json;
  readonly epoch: number;
};

/** What is prepared, by whom and from what. */
interface PreparationParts {
  readonly factory: string;
  /** Instances in which this differs prepare each their own. */
  readonly config: unknown;
  readonly store: KeyValueStore;
  readonly clock: Clock;
  readonly leases: Leases;
  /** Told the fingerprint of `config`, where the store is shared. */
  readonly told: (fingerprint: string) => void;
}

export class Preparation {
  readonly #parts: PreparationParts;

  constructor(parts: PreparationParts) {
    this.#parts = parts;
  }

  /**
   * What was prepared after an epoch, here or elsewhere; 0 takes what is there.
   *
   * @throws MusterError `FACTORY_NOT_JSON`, and what `prepare` throws.
   */
  async after(epoch: number, work: Preparing): Promise<Prepared> {
    const { config, store, clock, told } = this.#parts;
    this.#check('Its configuration', config);
    if (store.isShared !== true) return preparedAs(epoch + 1, this.#checked(await work.prepare(work.signal)));
    const fingerprint = fingerprintOf(config);
    told(fingerprint);
    const key = this.#keyOf(fingerprint);
    let wake = (): void => {};
    const records = new ObservedRecords(store, clock, key, () => wake());
    try {
      for (let isLoaded = false; ;) {
        work.signal.throwIfAborted();
        isLoaded ||= await this.#tried(work, async () => records.load().then(() => true), false);
        const record = records.get(key);
        const said: Fields = record === undefined ? {} : fieldsOf(record);
        const there = preparedIn(said);
        if (there !== undefined && there.epoch > epoch) return there;
        const claim = (): Promise<Lease | undefined> => this.#claim(key, epoch + 1, record, said);
        const lease = isLoaded ? await this.#tried(work, claim, undefined) : undefined;
        const made = lease && (await this.#make(lease, work));
        if (made !== undefined) return made;
        if (said['state'] !== undefined) work.awaits(awaited(said));
        await this.#pause(work.signal, (woken) => (wake = woken));
      }
    } finally {
      records.close();
    }
  }

  /** Calls `sink` with each epoch that is there or being made, the present one first. */
  watch(sink: (epoch: number) => void): Subscription {
    const { config, store } = this.#parts;
    if (store.isShared !== true) return { close() {} };
    const key = this.#keyOf(fingerprintOf(config));
    return store.watch(key, (change) => {
      if (change.type === 'put' && change.key === key) sink(epochOf(fieldsOf(change)));
    });
  }

  #keyOf(fingerprint: string): string {
    return `factories/${this.#parts.factory}/${fingerprint}`;
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
    await sleep(this.#parts.clock, LEASE.retryMs, over.signal).catch(() => {});
    signal.removeEventListener('abort', onAbort);
    onWake(() => {});
  }

  async #claim(key: string, least: number, record: Observed | undefined, said: Fields): Promise<Lease | undefined> {
    const { clock, leases } = this.#parts;
    const begin = (before: Fields): Fields => ({
      state: 'initialising',
      failures: before['failures'] ?? 0,
      epoch: Math.max(least, before['state'] === undefined ? 0 : epochOf(before)),
      ...keptOf(preparedIn(before)),
    });
    if (record === undefined) return leases.claim(key, begin({}));
    // Of an epoch that is to be followed by another.
    if (said['state'] === 'ready') return leases.takeOver(record, begin);
    if (said['state'] === 'failed') {
      const pauseMs = Math.min(AGAIN_MS.first * 2 ** (Number(said['failures']) - 1), AGAIN_MS.cap);
      return clock.monotonic() - record.since < pauseMs ? undefined : leases.takeOver(record, begin);
    }
    const { leaseMs } = record.value as { leaseMs?: number };
    const isLeft = clock.monotonic() - record.since >= (leaseMs ?? 0) + LEASE.marginMs;
    // What this instance began and lost is its own to begin again.
    if (!isLeft && ownerOf(record) !== leases.owner) return undefined;
    return leases.takeOver(record, begin);
  }

  /** Prepares under the lease; `undefined` when that was lost on the way, so that somebody else does or has done it. */
  async #make(lease: Lease, work: Preparing): Promise<Prepared | undefined> {
    const lost = lease.signal;
    // It may have stood still while it claimed: by now another prepares.
    if (lost.aborted) return undefined;
    const both = new AbortController();
    const onStop = (): void => both.abort(work.signal.reason);
    const onLost = (): void => both.abort(lost.reason);
    work.signal.addEventListener('abort', onStop, { once: true });
    lost.addEventListener('abort', onLost, { once: true });
    try {
      work.signal.throwIfAborted();
      const value = this.#checked(await work.prepare(both.signal));
      const prepared = preparedAs(epochOf(lease.value), value);
      await this.#write(lease, work.signal, { state: 'ready', ...prepared });
      lease.leave();
      return prepared;
    } catch (error) {
      if (!lease.isHeld) return undefined;
      // Where even this cannot be written, the lease ends and another begins again.
      await this.#giveUp(lease, work.signal.aborted, reasonOf(error)).catch(() => {});
      lease.leave();
      throw error;
    } finally {
      work.signal.removeEventListener('abort', onStop);
      lost.removeEventListener('abort', onLost);
    }
  }

  /** What was stopped is as if it had never begun, and the next one need not wait; what failed is told. */
  async #giveUp(lease: Lease, isStopped: boolean, reason: string): Promise<void> {
    const kept = preparedIn(lease.value);
    if (!isStopped) {
      const failures = Number(lease.value['failures'] ?? 0) + 1;
      await lease.update((said) => ({ state: 'failed', failures, epoch: epochOf(said), reason, ...keptOf(kept) }));
    } else if (kept === undefined) await lease.release();
    else await lease.update(() => ({ state: 'ready', ...kept }));
  }

  /** Tried for as long as the lease is held. */
  async #write(lease: Lease, signal: AbortSignal, fields: Fields): Promise<void> {
    for (;;) {
      try {
        await lease.update(() => fields);
        return;
      } catch (error) {
        if (!lease.isHeld) throw error;
        await sleep(this.#parts.clock, LEASE.retryMs, signal);
      }
    }
  }

  #checked(value: unknown): Json | undefined {
    this.#check('What its prepare() returned', value);
    return value as Json | undefined;
  }

  #check(what: string, value: unknown): void {
    const problem = notJson(value);
    if (problem !== undefined) throw coreError('FACTORY_NOT_JSON', { factory: this.#parts.factory, what, problem });
  }
}

/** Which time it is that a record speaks of. */
function epochOf({ epoch }: Fields): number {
  return typeof epoch === 'number' ? epoch : 1;
}

/** What a record has: what is ready, or was before it was to be made anew. */
function preparedIn(said: Fields): Prepared | undefined {
  const { state, kept } = said;
  const from = state === 'ready' ? said : (kept as Fields | undefined);
  if (from === undefined) return undefined;
  return preparedAs(epochOf(from), from['value']);
}

/** What stands in a record has no value where there is none. */
function preparedAs(epoch: number, value: Json | undefined): Prepared {
  return { epoch, ...(value === undefined ? {} : { value }) };
}

function keptOf(kept: Prepared | undefined): Fields {
  return kept === undefined ? {} : { kept };
}

function awaited({ state, reason }: Fields): string {
  return state === 'failed' && typeof reason === 'string' ? `it failed: ${reason}` : 'another instance prepares it';
}
