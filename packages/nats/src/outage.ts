/**
 * Since when the servers have not answered: appends are buffered for a while, then new ones are refused.
 */
import type { Clock } from '@muster/core';
import { whyUnanswered } from './jetstream.ts';

export class Outage {
  readonly #clock: Clock;
  readonly #bufferMs: number;
  #since: number | undefined;
  #reason = '';

  constructor(clock: Clock, bufferMs: number) {
    this.#clock = clock;
    this.#bufferMs = bufferMs;
  }

  /** How long it has lasted, in milliseconds; 0 while there is none. */
  get ms(): number {
    return this.#since === undefined ? 0 : this.#clock.monotonic() - this.#since;
  }

  /** True when it has lasted so long that nothing new is taken. */
  get isLong(): boolean {
    return this.ms >= this.#bufferMs;
  }

  get reason(): string {
    return this.#reason;
  }

  met(error: unknown): void {
    this.#since ??= this.#clock.monotonic();
    this.#reason = whyUnanswered(error);
  }

  over(): void {
    this.#since = undefined;
  }
}
