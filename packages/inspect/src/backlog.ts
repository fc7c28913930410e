/**
 * Hears what happens in an app for those who show it.
 *
 * A busy app has connections, runs and tools amid all else that it does, and each of their events heard alone costs several times
 * what it costs among others. So they are kept until somebody asks, or many are there; all others are told at once.
 */
import type { RuntimeEvent, RuntimeEvents } from '@muster/core';

/** So many are kept at the most. */
const MOST = 1_000;

const OF_TRAFFIC: ReadonlySet<RuntimeEvent['type']> = new Set([
  'run-begun',
  'run-ended',
  'run-left',
  'tool-ended',
  'client-error',
]);

export class Backlog {
  readonly #failed: (error: unknown) => void;
  readonly #listeners: ((event: RuntimeEvent) => void)[] = [];
  readonly #unsubscribe: () => void;
  #events: RuntimeEvent[] = [];
  #hasFailed = false;

  /** @param failed told of what a listener throws, once. */
  constructor(events: RuntimeEvents, failed: (error: unknown) => void) {
    this.#failed = failed;
    this.#unsubscribe = events.on((event) => this.#heard(event));
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
    for (const event of events) this.#tell(event);
  }

  /** Hears no more. */
  close(): void {
    this.catchUp();
    this.#unsubscribe();
  }

  #heard(event: RuntimeEvent): void {
    if (!isTraffic(event)) {
      this.catchUp();
      this.#tell(event);
    } else if (this.#events.push(event) >= MOST) this.catchUp();
  }

  #tell(event: RuntimeEvent): void {
    for (const listener of this.#listeners) {
      try {
        listener(event);
      } catch (error) {
        if (!this.#hasFailed) {
          this.#hasFailed = true;
          this.#failed(error);
        }
      }
    }
  }
}

/** What services, gates and factories do is none of it. */
export function isTraffic(event: RuntimeEvent): boolean {
  if (event.type !== 'moved') return OF_TRAFFIC.has(event.type);
  return event.machine === 'connection' || event.machine === 'run' || event.machine === 'tool';
}
