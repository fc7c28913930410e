/** What one instance says of itself in the store that all share: written as it is wanted last, and taken away with it. */
import type { Clock, Timer } from '@muster/contracts';
import type { Json, KeyValueStore } from '@muster/core';

/** Pause before a write that failed is tried again, in milliseconds. */
const AGAIN_MS = 1_000;

/** Told of what the store throws, and when it has done what was wanted. */
export interface OwnRecordObserver {
  failed(error: unknown): void;
  done(): void;
}

export class OwnRecord {
  readonly #key: string;
  readonly #store: KeyValueStore;
  readonly #clock: Clock;
  readonly #told: OwnRecordObserver;
  #wanted: Json | undefined;
  /** What stands in the store, as text. */
  #written: string | undefined;
  /** Of what stands in the store; 0 while nothing does. */
  #revision = 0;
  #isWorking = false;
  #working: Promise<void> = Promise.resolve();
  #isClosed = false;
  #again: Timer | undefined;

  constructor(key: string, store: KeyValueStore, clock: Clock, told: OwnRecordObserver) {
    this.#key = key;
    this.#store = store;
    this.#clock = clock;
    this.#told = told;
  }

  /** True when nothing stands in the store, and nobody wants that. */
  get isGone(): boolean {
    return this.#wanted === undefined && this.#revision === 0;
  }

  /** @param wanted nothing, for a record that is not there. */
  become(wanted: Json | undefined): void {
    this.#wanted = wanted;
    if (this.#isWorking) return;
    this.#isWorking = true;
    this.#working = this.#work();
  }

  /** Somebody has taken it away. */
  lost(): void {
    if (this.#isWorking) return;
    this.#revision = 0;
    this.#written = undefined;
    this.become(this.#wanted);
  }

  /** Takes it away for good; resolves when that is done, or cannot be. */
  close(): Promise<void> {
    this.#isClosed = true;
    this.#again?.cancel();
    this.become(undefined);
    return this.#working;
  }

  async #work(): Promise<void> {
    try {
      for (;;) {
        const text = this.#wanted === undefined ? undefined : JSON.stringify(this.#wanted);
        if (text === this.#written) break;
        await this.#write(this.#wanted, text);
      }
      this.#isWorking = false;
      this.#told.done();
    } catch (error) {
      this.#isWorking = false;
      this.#told.failed(error);
      if (!this.#isClosed) this.#again = this.#clock.schedule(AGAIN_MS, () => this.become(this.#wanted));
    }
  }

  /** A conflict tells what stands there: the answer to an earlier write was lost, or somebody has taken it away. */
  async #write(value: Json | undefined, text: string | undefined): Promise<void> {
    const [store, key, known] = [this.#store, this.#key, this.#revision];
    const { ok, revision } = await (value === undefined
      ? store.delete(key, known)
      : known === 0
        ? store.create(key, value)
        : store.update(key, value, known));
    this.#revision = ok && value === undefined ? 0 : revision;
    if (ok || revision === 0) this.#written = ok ? text : undefined;
  }
}
