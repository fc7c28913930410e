/**
 * Who watches which keys: each sees what was there when it began, and then every change once.
 */
import type { Subscription } from '../subscription.ts';
import type { KeyValueChange, KeyValueEntry } from './key-value-store.ts';

interface Watcher {
  readonly prefix: string;
  readonly sink: (change: KeyValueChange) => void;
  /** What it has not been told yet; undefined once it has caught up. */
  behind: KeyValueChange[] | undefined;
}

export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #failed: (error: unknown) => void;
  /** What is still to be shown: a sink that writes must not have others see that before what it was told of. */
  readonly #changes: KeyValueChange[] = [];
  #isShowing = false;

  /** @param failed told what a sink threw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** @param present what is there at this moment. */
  add(prefix: string, present: readonly KeyValueEntry[], sink: (change: KeyValueChange) => void): Subscription {
    const behind = present.map((entry): KeyValueChange => ({ type: 'put', ...entry }));
    const watcher: Watcher = { prefix, sink, behind };
    this.#watchers.add(watcher);
    queueMicrotask(() => {
      // What changes while this goes on joins the end.
      for (const change of behind) this.#tell(watcher, change);
      watcher.behind = undefined;
    });
    return { close: () => void this.#watchers.delete(watcher) };
  }

  show(change: KeyValueChange): void {
    this.#changes.push(change);
    if (this.#isShowing) return;
    this.#isShowing = true;
    try {
      for (let next = this.#changes.shift(); next !== undefined; next = this.#changes.shift()) this.#show(next);
    } finally {
      this.#isShowing = false;
    }
  }

  #show(change: KeyValueChange): void {
    for (const watcher of Array.from(this.#watchers)) {
      if (!change.key.startsWith(watcher.prefix)) continue;
      if (watcher.behind === undefined) this.#tell(watcher, change);
      else watcher.behind.push(change);
    }
  }

  #tell(watcher: Watcher, change: KeyValueChange): void {
    if (!this.#watchers.has(watcher)) return;
    try {
      watcher.sink(change);
    } catch (error) {
      this.#failed(error);
    }
  }
}
