/**
 * Hears what happens in an app for those who show it.
 *
 * Each event heard amid all else that a busy app does costs several times what it costs among others of its kind. So they are
 * kept until somebody asks, or many are there.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { RuntimeEvent, RuntimeEvents } from '@muster/core';

/** With so many it is told in a moment, so many at a time: whoever emits the last of them, as a boot that is over, must not wait for it. */
const MANY = 250;
/** So many are kept at the most. While an app starts, of which each service has some eight, nothing is told that nobody asks for. */
const MOST = 50_000;

export interface BacklogParts {
  readonly events: RuntimeEvents;
  readonly clock: Clock;
  readonly isStarting: () => boolean;
  /** Told of what a listener throws, once. */
  readonly failed: (error: unknown) => void;
}

export class Backlog {
  readonly #clock: Clock;
  readonly #failed: (error: unknown) => void;
  readonly #listeners: ((event: RuntimeEvent) => void)[] = [];
  readonly #unsubscribe: () => void;
  #events: RuntimeEvent[] = [];
  #timer: Timer | undefined;
  #hasFailed = false;

  constructor({ events, clock, isStarting, failed }: BacklogParts) {
    this.#clock = clock;
    this.#failed = failed;
    this.#unsubscribe = events.on((event) => {
      if (isOfRun(event)) return;
      const kept = this.#events.push(event);
      if (kept < MANY) return;
      if (kept >= MOST) this.catchUp();
      else if (!isStarting()) this.#tellSoon();
    });
  }

  /** Calls `listener` with everything that happens, in its order, but for moves within a run. */
  on(listener: (event: RuntimeEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells everything that has happened until now. */
  catchUp(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#events.length > 0) this.#tell(this.#events.splice(0));
  }

  /** Tells what is left, and hears no more. */
  close(): void {
    this.catchUp();
    this.#unsubscribe();
  }

  #tellSoon(): void {
    this.#timer ??= this.#clock.schedule(0, () => {
      this.#timer = undefined;
      this.#tell(this.#events.splice(0, MANY));
      if (this.#events.length >= MANY) this.#tellSoon();
    });
  }

  #tell(events: readonly RuntimeEvent[]): void {
    for (const event of events) {
      for (const listener of this.#listeners) {
        try {
          listener(event);
        } catch (error) {
          if (this.#hasFailed) continue;
          this.#hasFailed = true;
          this.#failed(error);
        }
      }
    }
  }
}

/** A move within a run, of which there are several in each: what there is to show of it is told by its beginning and its end. */
function isOfRun(event: RuntimeEvent): boolean {
  return event.type === 'moved' && (event.machine === 'run' || event.machine === 'tool');
}
