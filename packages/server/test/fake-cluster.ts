/** Several instances in one process, as far as they know each other: a store that all share, and who lives. */
import { MemoryStore } from '@muster/core';
import type { SharedRecordsParts } from '../src/session/shared-records.ts';

export class SharedStore extends MemoryStore {
  readonly isShared = true;
}

export class FakeCluster {
  readonly #living = new Set<string>();
  readonly #listeners = new Set<() => void>();

  /** What an instance sees of the others; it lives from now on. */
  instances(id: string): SharedRecordsParts['instances'] {
    this.join(id);
    const named = (): { id: string }[] => [...this.#living].map((each) => ({ id: each }));
    const instances = {
      id,
      list: named,
      others: () => named().filter((each) => each.id !== id),
      onChange: (listener: () => void) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
    };
    return instances as never;
  }

  join(id: string): void {
    this.#living.add(id);
  }

  /** It is not listed any more, and nobody has been told so yet. */
  vanish(id: string): void {
    this.#living.delete(id);
  }

  /** All are told that something has changed. */
  tell(): void {
    for (const listener of this.#listeners) listener();
  }
}
