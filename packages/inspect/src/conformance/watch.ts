/** Waits for what events bring about: looks again whenever it is told to, until it finds something or the time is over. */
import type { Clock } from '@muster/contracts';

export class Watch {
  readonly #clock: Clock;
  readonly #looks = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Something has happened. */
  wake(): void {
    for (const look of this.#looks) look();
  }

  /**
   * Resolves to what `look` finds; rejects with what it throws.
   *
   * @param late makes the error for when it finds nothing in time.
   */
  until<T>(look: () => T | undefined, deadlineMs: number, late: () => Error): Promise<T> {
    return new Promise((resolve, reject) => {
      const end = (settle: () => void): void => {
        timer.cancel();
        this.#looks.delete(again);
        settle();
      };
      const again = (): void => {
        try {
          const found = look();
          if (found !== undefined) end(() => resolve(found));
        } catch (error) {
          end(() => reject(error as Error));
        }
      };
      const timer = this.#clock.schedule(deadlineMs, () => end(() => reject(late())));
      this.#looks.add(again);
      again();
    });
  }
}
