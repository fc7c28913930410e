/** How often each address, or each user, occurs. */
export class Tally {
  readonly #counts = new Map<string, number>();

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  entries(): Iterable<readonly [key: string, count: number]> {
    return this.#counts.entries();
  }

  /** Counts `key` once more, until the returned function is called. */
  add(key: string): () => void {
    this.count(key);
    let isCounted = true;
    return () => {
      if (isCounted) this.uncount(key);
      isCounted = false;
    };
  }

  /** Counts `key` once more; whoever calls it sees to it that `uncount` is called once. */
  count(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
  }

  uncount(key: string): void {
    const left = this.of(key) - 1;
    if (left === 0) this.#counts.delete(key);
    else this.#counts.set(key, left);
  }
}
