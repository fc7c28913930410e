/**
 * Who follows which stream: every sink of a stream gets the same batches in the same order.
 *
 * A sink that throws keeps no other from hearing, and a sink that was closed hears nothing more, also within one batch.
 */
import type { Subscription } from '../subscription.ts';
import type { Batch } from './event-log.ts';

type Sink = (batch: Batch) => void;

/** One subscription; one function given twice is two. */
interface Entry {
  readonly sink: Sink;
  isClosed: boolean;
}

interface Followed {
  readonly entries: Set<Entry>;
  /** Those of the last batch; made anew when they have changed. */
  shown: readonly Entry[] | undefined;
}

export class Sinks {
  readonly #streams = new Map<string, Followed>();
  readonly #failed: (error: unknown) => void;

  /** @param failed told what a sink threw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  add(stream: string, sink: Sink): Subscription {
    const followed = this.#streams.get(stream) ?? { entries: new Set(), shown: undefined };
    const entry = { sink, isClosed: false };
    followed.entries.add(entry);
    followed.shown = undefined;
    this.#streams.set(stream, followed);
    return {
      close: () => {
        entry.isClosed = true;
        followed.shown = undefined;
        if (followed.entries.delete(entry) && followed.entries.size === 0) this.#streams.delete(stream);
      },
    };
  }

  show(stream: string, batch: Batch): void {
    const followed = this.#streams.get(stream);
    if (followed === undefined) return;
    // Who joins while this is shown has asked for what comes later.
    for (const entry of (followed.shown ??= [...followed.entries])) {
      if (entry.isClosed) continue;
      try {
        entry.sink(batch);
      } catch (error) {
        this.#failed(error);
      }
    }
  }
}
