/**
 * How long a gate that was open stays closed although everything is ready again.
 *
 * A gate that closes soon after it opened is flapping: each time its dwell doubles, up to a cap, until it has stayed
 * open for a minute.
 */
import type { Clock, Timer } from '@muster/contracts';

/** A gate that stayed open for so long flaps no more, in milliseconds. */
const STEADY_MS = 60_000;

export class Dwell {
  readonly #clock: Clock;
  readonly #base: number;
  readonly #max: number;
  readonly #over: () => void;
  #ms: number;
  #openings = 0;
  #openedAt: number | undefined;
  #since: number | undefined;
  #timer: Timer | undefined;

  /** @param over called when the dwell has ended without a reset. */
  constructor(clock: Clock, options: { readonly dwellMs: number; readonly maxDwellMs: number }, over: () => void) {
    this.#clock = clock;
    this.#base = options.dwellMs;
    this.#max = Math.max(options.dwellMs, options.maxDwellMs);
    this.#ms = options.dwellMs;
    this.#over = over;
  }

  /** The present dwell, in milliseconds. */
  get ms(): number {
    return this.#ms;
  }

  /** The gate has opened. */
  opened(): void {
    this.#openedAt = this.#clock.monotonic();
    this.#openings += 1;
    this.reset();
  }

  /** The gate has closed because something was lost. */
  closed(): void {
    const openMs = this.#clock.monotonic() - (this.#openedAt ?? 0);
    if (openMs >= STEADY_MS) this.#ms = this.#base;
    // The first loss of all is bad luck; the next ones soon after a reopening are flapping.
    else if (this.#openings > 1) this.#ms = Math.min(this.#max, this.#ms * 2);
  }

  /** Something is not ready: the dwell begins anew. */
  reset(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#since = undefined;
  }

  /** True when everything has been ready for long enough; asked while it is. */
  isOver(): boolean {
    if (this.#openedAt === undefined) return true;
    const now = this.#clock.monotonic();
    this.#since ??= now;
    const left = this.#since + this.#ms - now;
    if (left <= 0) return true;
    this.#timer ??= this.#clock.schedule(left, () => {
      this.#timer = undefined;
      this.#over();
    });
    return false;
  }
}
