/**
 * Who follows which stream: every sink of a stream gets the same batches in the same order.
 *
 * A sink that throws keeps no other from hearing, and a sink that was closed hears nothing more, also within one batch.
 */
import type { Subscription } from '../subscription.ts';
import type { Batch } from './event-log.ts';

type Sink = (batch: Batch) => void;

export class Sinks {
  readonly #streams = new Map<string, Set<Sink>>();
  readonly #failed: (error: unknown) => void;

  /** @param failed told what a sink threw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  add(stream: string, sink: Sink): Subscription {
    // Wrapped, so that one function given twice is two subscriptions.
    const entry: Sink = (batch) => sink(batch);
    const sinks = this.#streams.get(stream) ?? new Set();
    sinks.add(entry);
    this.#streams.set(stream, sinks);
    return {
      close: () => {
        if (sinks.delete(entry) && sinks.size === 0) this.#streams.delete(stream);
      },
    };
  }

  show(stream: string, batch: Batch): void {
    const sinks = this.#streams.get(stream);
    if (sinks === undefined) return;
    // Copied: who joins while this is shown has asked for what comes later.
    for (const sink of Array.from(sinks)) {
      if (!sinks.has(sink)) continue;
      try {
        sink(batch);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
