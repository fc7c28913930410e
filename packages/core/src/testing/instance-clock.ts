/**
 * The clock of one of several instances in a test, all on one `FakeClock`: it can be paused alone.
 *
 * While it is paused no timer of the instance fires; what fell due fires when it goes on, as after SIGSTOP and SIGCONT.
 */
import type { Clock, Timer } from '@muster/contracts';

export class InstanceClock implements Clock {
  readonly #clock: Clock;
  readonly #due = new Set<() => void>();
  #isPaused = false;
  #stoodAt: number | undefined;
  #behind = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  monotonic(): number {
    return (this.#stoodAt ?? this.#clock.monotonic()) - this.#behind;
  }

  schedule(delayMs: number, callback: () => void): Timer {
    const fire = (): void => {
      if (this.#isPaused) this.#due.add(again);
      else callback();
    };
    const again = (): void => void (timer = this.#clock.schedule(0, fire));
    let timer = this.#clock.schedule(delayMs, fire);
    return {
      cancel: () => {
        this.#due.delete(again);
        timer.cancel();
      },
    };
  }

  /** @param how `withTime`: its monotonic time stands still as well, as of a machine that sleeps. */
  pause(how?: 'withTime'): void {
    this.#isPaused = true;
    if (how === 'withTime') this.#stoodAt ??= this.#clock.monotonic();
  }

  /** Goes on: what fell due fires when time is next advanced, in the order of its time, each when the one before has had its effect. */
  resume(): void {
    if (this.#stoodAt !== undefined) this.#behind += this.#clock.monotonic() - this.#stoodAt;
    this.#stoodAt = undefined;
    this.#isPaused = false;
    for (const again of this.#due) again();
    this.#due.clear();
  }
}
