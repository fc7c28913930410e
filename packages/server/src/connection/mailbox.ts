/**
 * Where requests wait for their turn: in order, one at a time, bounded.
 *
 * It begins shut, so what comes early is neither lost nor handled early.
 */
export class Mailbox<T> {
  readonly #limit: number;
  readonly #handle: (letter: T) => Promise<void>;
  readonly #letters: T[] = [];
  #open = false;
  #busy = false;
  readonly #idle: (() => void)[] = [];

  /** @param handle must not reject: it answers failures itself. */
  constructor(limit: number, handle: (letter: T) => Promise<void>) {
    this.#limit = limit;
    this.#handle = handle;
  }

  get size(): number {
    return this.#letters.length;
  }

  /** False when it is full and the letter was not taken. */
  put(letter: T): boolean {
    if (this.#letters.length >= this.#limit) return false;
    this.#letters.push(letter);
    void this.#work();
    return true;
  }

  /** Resolves when nothing is being handled and, while it is open, nothing waits. */
  idle(): Promise<void> {
    if (!this.#busy) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** Begins to hand out what waits. */
  open(): void {
    this.#open = true;
    void this.#work();
  }

  /** Throws away what waits; nothing is handed out any more. */
  close(): void {
    this.#open = false;
    this.#letters.length = 0;
  }

  async #work(): Promise<void> {
    if (this.#busy || !this.#open) return;
    this.#busy = true;
    while (this.#open) {
      const letter = this.#letters.shift();
      if (letter === undefined) break;
      await this.#handle(letter);
    }
    this.#busy = false;
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
