/**
 * Hears what happens in an app for those who show it.
 *
 * Each event heard amid all else that a busy app does costs several times what it costs among others of its kind. So they are
 * kept until somebody asks, or many are there.
 */
import type { RuntimeEvent, RuntimeEvents } from '@muster/core';

/** So many are kept at the most. */
const MOST = 1_000;

export class Backlog {
  readonly #failed: (error: unknown) => void;
  readonly #listeners: ((event: RuntimeEvent) => void)[] = [];
  readonly #unsubscribe: () => void;
  #events: RuntimeEvent[] = [];
  #hasFailed = false;

  /** @param failed told of what a listener throws, once. */
  constructor(events: RuntimeEvents, failed: (error: unknown) => void) {
    this.#failed = failed;
    this.#unsubscribe = events.on((event) => {
      if (this.#events.push(event) >= MOST) this.catchUp();
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
