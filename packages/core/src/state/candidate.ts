/**
 * A candidate for the lead of one service: of all instances that stand for it one at a time has the lease.
 *
 * The lead is won by compare-and-set, kept by renewal and lost by the own monotonic clock before anybody else may win it.
 */
import type { Timer } from '@muster/contracts';
import { bounded, type Clock } from '../clock.ts';
import type { KeyValueStore } from './key-value-store.ts';
import { LEASE, type Lease, ownerOf } from './lease.ts';
import type { Leases } from './leases.ts';
import { ObservedRecords } from './observed-records.ts';

/** What a candidate asks and tells whoever it stands for. */
export interface Standing {
  /** Asked before each attempt. */
  mayLead(): boolean;
  won(): void;
  /** The lease is held no longer, and nobody gave it back: what was done under it has to end. */
  lost(error: unknown): void;
  /** It was tried in vain, or whether somebody leads has changed. */
  looked(): void;
}

/** For so long after the last leader may have acted nobody is missed: an election takes its time. */
const INTERREGNUM_MS = LEASE.leaseMs + LEASE.marginMs;

export class Candidate {
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #leases: Leases;
  readonly #key: string;
  readonly #failed: (error: unknown) => void;
  #standing: Standing | undefined;
  #lease: Lease | undefined;
  #records: ObservedRecords | undefined;
  #look: Timer | undefined;
  #isTrying = false;
  #isClosed = false;
  #ledUntil = Number.NEGATIVE_INFINITY;
  #wasLed = false;

  /** @param failed told what the store threw; it is tried again with the next look. */
  constructor(store: KeyValueStore, clock: Clock, leases: Leases, service: string, failed: (error: unknown) => void) {
    this.#store = store;
    this.#clock = clock;
    this.#leases = leases;
    this.#key = `leaders/${service}`;
    this.#failed = failed;
  }

  /** While it leads; also one that is over and has not been told to be. */
  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** Whether this or another instance leads, or may still be followed by the next one in time. */
  get isLed(): boolean {
    return this.#lease?.isHeld === true || this.#clock.monotonic() < this.#ledUntil;
  }

  /** Who leads, for people. */
  get says(): string {
    const record = this.#records?.get(this.#key);
    if (!this.isLed) return 'nobody leads';
    return record === undefined ? 'the next leader is awaited' : `${ownerOf(record) ?? 'another instance'} leads`;
  }

  /** Tries to win the lead until that is done or `withdraw` is called. */
  stand(standing: Standing): void {
    this.#standing = standing;
    this.#isClosed = false;
    if (this.#store.isShared === true)
      this.#records ??= new ObservedRecords(this.#store, this.#clock, this.#key, (now) => {
        // Another key may begin with this one.
        if (now === undefined) this.#lookAt(undefined);
        else if (now.key === this.#key) this.#lookAt(ownerOf(now) === this.#leases.owner ? null : now.since);
      });
    this.#look ??= this.#clock.schedule(LEASE.retryMs, this.#lookAgain);
    void this.#try();
  }

  /** Gives the lead back, so that another may have it at once. Never rejects, and takes no longer than `withinMs`. */
  async abdicate(withinMs: number): Promise<void> {
    this.#standing = undefined;
    const lease = this.#lease;
    if (lease === undefined) return;
    this.#lease = undefined;
    this.#ledUntil = this.#clock.monotonic() + INTERREGNUM_MS;
    const onTimeout = (): Error => new Error(`the lead could not be given back within ${Math.round(withinMs)} ms`);
    try {
      await bounded({ clock: this.#clock, timeoutMs: withinMs, onTimeout }, () => lease.release());
    } catch (error) {
      // Nobody renews it, so it ends all the same.
      this.#failed(error);
    }
  }

  /** Leaves the lease to run out, because what was done under it may still go on. */
  forsake(): void {
    this.#standing = undefined;
    this.#lease?.leave();
    this.#lease = undefined;
  }

  /** Stands no more, and watches nobody. */
  close(): void {
    this.#isClosed = true;
    this.#standing = undefined;
    this.#look?.cancel();
    this.#look = undefined;
    this.#records?.close();
    this.#records = undefined;
  }

  /** @param since when another leader was last heard of; `null` for an own record, `undefined` when it has gone. */
  #lookAt(since: number | null | undefined): void {
    if (since === undefined) this.#ledUntil = this.#clock.monotonic() + INTERREGNUM_MS;
    else if (since !== null) this.#ledUntil = since + LEASE.leaseMs - LEASE.marginMs + INTERREGNUM_MS;
    this.#tell();
    if (since === undefined) void this.#try();
  }

  readonly #lookAgain = (): void => {
    this.#look = undefined;
    if (this.#isClosed) return;
    // Where nobody else can have it there is nothing to look at.
    if (this.#store.isShared === true || this.#lease === undefined)
      this.#look = this.#clock.schedule(LEASE.retryMs, this.#lookAgain);
    this.#tell();
    void this.#try();
  };

  #tell(): void {
    const isLed = this.isLed;
    if (isLed === this.#wasLed) return;
    this.#wasLed = isLed;
    this.#standing?.looked();
  }

  async #try(): Promise<void> {
    if (this.#isTrying || this.#lease !== undefined || this.#standing?.mayLead() !== true) return;
    this.#isTrying = true;
    let lease: Lease | undefined;
    try {
      lease = await this.#claim();
    } catch (error) {
      this.#failed(error);
    }
    this.#isTrying = false;
    const standing = this.#standing;
    if (lease === undefined) standing?.looked();
    else if (standing === undefined) await lease.release().catch(this.#failed);
    else this.#win(lease, standing);
  }

  /** What another has, as far as one knows, is not asked for. */
  async #claim(): Promise<Lease | undefined> {
    const record = this.#records?.get(this.#key);
    if (record === undefined || ownerOf(record) === this.#leases.owner) return this.#leases.claim(this.#key, {});
    const [overdue] = (this.#records?.overdue() ?? []).filter(({ key }) => key === this.#key);
    return overdue && this.#leases.takeOver(overdue, () => ({}));
  }

  #win(lease: Lease, standing: Standing): void {
    const { signal } = lease;
    // It may have stood still while it claimed.
    if (signal.aborted) return;
    this.#lease = lease;
    const onAbort = (): void => {
      if (this.#lease !== lease) return;
      this.#lease = undefined;
      this.#ledUntil = this.#clock.monotonic() + INTERREGNUM_MS;
      standing.lost(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    standing.won();
  }
}
