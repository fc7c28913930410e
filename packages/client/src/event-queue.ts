/**
 * Events between whoever receives them and whoever iterates: in order, none lost, ended or failed once.
 */
export class EventQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #takers: { resolve: (result: IteratorResult<T>) => void; reject: (error: unknown) => void }[] = [];
  #end: { error: unknown } | undefined;

  push(item: T): void {
    if (this.#end) return;
    const taker = this.#takers.shift();
    if (taker) taker.resolve({ value: item, done: false });
    else this.#items.push(item);
  }

  /** Ends the iteration after what is queued; with an error, by throwing it. */
  end(error?: unknown): void {
    if (this.#end) return;
    this.#end = { error };
    for (const taker of this.#takers.splice(0)) {
      if (error === undefined) taker.resolve({ value: undefined, done: true });
      else taker.reject(error);
    }
  }

  [Symbol.asyncIterator](): AsyncIterator<T> {
    return {
      next: () => {
        const item = this.#items.shift();
        if (item !== undefined) return Promise.resolve({ value: item, done: false });
        if (this.#end?.error !== undefined) return Promise.reject(this.#end.error);
        if (this.#end) return Promise.resolve({ value: undefined, done: true });
        return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
      },
    };
  }
}
