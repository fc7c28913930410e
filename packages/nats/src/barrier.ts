/**
 * What has to be stored before anything is read: one message, by the present leader.
 *
 * A leader that was just elected answers questions before it has caught up with what others have stored under the one before.
 * What it stores comes behind all of that, so once it has stored something it knows everything.
 */
import { type Clock, sleep } from '@muster/core';

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

  /** Resolves when everything that was stored before can be read; nothing where it can be already. */
  get passed(): Promise<void> | undefined {
    return this.#passing;
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
        if (done === this.#raised) break;
      } catch {
        // Whoever reads has a bound of their own.
        await sleep(this.#clock, AGAIN_MS);
      }
    }
    this.#passing = undefined;
  }
}
