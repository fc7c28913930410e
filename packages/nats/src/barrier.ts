/**
 * What has to be stored before anything is read: one message, by the present leader.
 *
 * A leader that was just elected answers questions before it has caught up with what others have stored under the one before.
 * What it stores comes behind all of that, so once it has stored something it knows everything.
 */
import { bounded, type Clock, sleep } from '@muster/core';
import { REQUEST_MS } from './jetstream.ts';

/** Pause before a message that was not stored is sent again, in milliseconds. */
const AGAIN_MS = 100;

export class Barrier {
  readonly #write: () => Promise<void>;
  readonly #clock: Clock;
  #raised = 0;
  #passing: Promise<void> | undefined;
  #isClosed = false;

  /** @param write stores one message. */
  constructor(write: () => Promise<void>, clock: Clock) {
    this.#write = write;
    this.#clock = clock;
  }

  /** Somebody else may lead from now on: readers wait. */
  raise(): void {
    this.#raised += 1;
    this.#passing ??= this.#pass();
  }

  /** Resolves when everything that was stored before can be read, however long that takes. */
  async passed(): Promise<void> {
    await this.#passing;
  }

  /** Resolves when everything that was stored before can be read. @throws Error when that takes longer than a request */
  async caughtUp(): Promise<void> {
    if (this.#passing === undefined) return;
    const onTimeout = (): Error => new Error('the new leader has not caught up');
    await bounded({ clock: this.#clock, timeoutMs: REQUEST_MS, onTimeout }, () => this.#passing);
  }

  close(): void {
    this.#isClosed = true;
  }

  async #pass(): Promise<void> {
    for (let done = 0; done < this.#raised && !this.#isClosed;) {
      const now = this.#raised;
      try {
        await this.#write();
        done = now;
      } catch {
        // Whoever reads has a bound of their own.
        await sleep(this.#clock, AGAIN_MS);
      }
    }
    this.#passing = undefined;
  }
}
