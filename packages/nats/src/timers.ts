/** Work for later, which is given up with whoever planned it. */
import type { Clock, Timer } from '@muster/contracts';

export class Timers {
  readonly #clock: Clock;
  readonly #timers = new Set<Timer>();
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `work` after so many milliseconds, unless this is closed by then. */
  later(ms: number, work: () => void): void {
    if (this.#isClosed) return;
    const timer = this.#clock.schedule(ms, () => {
      this.#timers.delete(timer);
      work();
    });
    this.#timers.add(timer);
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
