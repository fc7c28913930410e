/**
 * Time and randomness as ports, so that everything can run under a clock and a seed that a test holds.
 *
 * No other source of either is used anywhere in Muster.
 */

/** A timer that was set and can be taken back. */
export interface Timer {
  /** Takes the timer back; harmless when it has fired. */
  cancel(): void;
}

/** Where time comes from. */
export interface Clock {
  /** Wall time in milliseconds since 1970, for what people and records see. May jump. */
  now(): number;
  /** Milliseconds since an arbitrary start; never jumps back. For durations and deadlines. */
  monotonic(): number;
  /** Calls `callback` once after `delayMs` milliseconds, never in the same tick. */
  schedule(delayMs: number, callback: () => void): Timer;
}

/** Where randomness comes from. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A random UUID, version 4. */
  uuid(): string;
}
