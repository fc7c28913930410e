/**
 * Hears what happens in an app for those who show it.
 *
 * Each event heard amid all else that a busy app does costs several times what it costs among others of its kind. So they are
 * kept until somebody asks, or many are there.
 */
import type { RuntimeEvent, RuntimeEvents } from '@muster/core';

/** So many are kept at the most; while an app starts so many, of which each service has some eight: to be watched must not hold a boot up. */
const MOST = 1_000;
const MOST_OF_BOOT = 50_000;

export interface BacklogParts {
  readonly events: RuntimeEvents;
  readonly isStarting: () => boolean;
  /** Told of what a listener throws, once. */
  readonly failed: (error: unknown) => void;
}

export class Backlog {
  readonly #failed: (error: unknown) => void;
  readonly #listeners: ((event: RuntimeEvent) => void)[] = [];
  readonly #unsubscribe: () => void;
  #events: RuntimeEvent[] = [];
  #hasFailed = false;

  constructor({ events, isStarting, failed }: BacklogParts) {
    this.#failed = failed;
    this.#unsubscribe = events.on((event) => {
      const kept = this.#events.push(event);
      if (kept >= MOST && (kept >= MOST_OF_BOOT || !isStarting())) this.catchUp();
    });
  }

  /** Calls `listener` with everything that happens, in its order. */
  on(listener: (event: RuntimeEvent) => void): void {
    this.#listeners.push(listener);
  }

  /** Tells everything that has happened until now. */
  catchUp(): void {
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    for (const event of events) for (const listener of this.#listeners) this.#tell(listener, event);
  }

  /** Tells what is left, and hears no more. */
  close(): void {
    this.catchUp();
    this.#unsubscribe();
  }

  #tell(listener: (event: RuntimeEvent) => void, event: RuntimeEvent): void {
    try {
      listener(event);
    } catch (error) {
      if (this.#hasFailed) return;
      this.#hasFailed = true;
      this.#failed(error);
    }
  }
}
