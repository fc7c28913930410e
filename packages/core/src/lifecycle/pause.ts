/**
 * A pause that can be cut short: by its time, or by whoever has something to tell to who pauses.
 */
import type { Clock, Timer } from '@muster/contracts';

export class Pause {
  #timer: Timer | undefined;
  #wake: (() => void) | undefined;

  /** Resolves after `ms` milliseconds of `clock`, or when woken. */
  sleep(clock: Clock, ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = clock.schedule(ms, () => this.wake());
    });
  }

  /** Resolves when woken. */
  wait(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  /** Ends the pause; harmless when there is none. */
  wake(): void {
    const wake = this.#wake;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#wake = undefined;
    wake?.();
  }
}
