/**
 * Timers by their time, then by the order in which they were set; adding and taking cost the logarithm of their number.
 */
export interface HeapTimer {
  readonly due: number;
  readonly order: number;
  /** `undefined` once it was cancelled. */
  callback: (() => void) | undefined;
}

export class TimerHeap {
  readonly #heap: HeapTimer[] = [];
  #live = 0;
  #order = 0;

  /** How many are set and not cancelled. */
  get size(): number {
    return this.#live;
  }

  add(due: number, callback: () => void): () => void {
    const timer: HeapTimer = { due, order: this.#order, callback };
    this.#order += 1;
    this.#live += 1;
    this.#heap.push(timer);
    this.#rise(this.#heap.length - 1);
    return () => {
      if (timer.callback === undefined) return;
      timer.callback = undefined;
      this.#live -= 1;
    };
  }

  /** When the next one is due; `undefined` when there is none. */
  get nextDue(): number | undefined {
    while (this.#heap.length > 0 && this.#heap[0]?.callback === undefined) this.#removeFirst();
    return this.#heap[0]?.due;
  }

  /** Takes the next one out. */
  take(): (() => void) | undefined {
    if (this.nextDue === undefined) return undefined;
    const timer = this.#removeFirst();
    const { callback } = timer;
    timer.callback = undefined;
    this.#live -= 1;
    return callback;
  }

  #removeFirst(): HeapTimer {
    const first = this.#heap[0] as HeapTimer;
    const last = this.#heap.pop() as HeapTimer;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink(0);
    }
    return first;
  }

  #isBefore(a: number, b: number): boolean {
    const [one, other] = [this.#heap[a] as HeapTimer, this.#heap[b] as HeapTimer];
    return one.due < other.due || (one.due === other.due && one.order < other.order);
  }

  #swap(a: number, b: number): void {
    [this.#heap[a], this.#heap[b]] = [this.#heap[b] as HeapTimer, this.#heap[a] as HeapTimer];
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (!this.#isBefore(at, parent)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(from: number): void {
    for (let at = from; ;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (child < this.#heap.length && this.#isBefore(child, least)) least = child;
      }
      if (least === at) return;
      this.#swap(at, least);
      at = least;
    }
  }
}
