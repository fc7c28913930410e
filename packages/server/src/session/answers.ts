/**
 * The answers of one session, by request id: a request that comes twice is executed once and answered twice.
 *
 * Answers are kept for a while, and the oldest go first when there are too many.
 */
import { contractError, type Position } from '@muster/contracts';

/** One request that is being executed, or was. */
export interface Answer {
  /** Of method and data: the same id with another one is a mistake. */
  readonly fingerprint: string;
  /** The text of the response frame; resolves when the request was executed. */
  readonly response: Promise<string>;
  /** Threads that its execution followed, and where they stood before it: a repeat on another connection follows them too. */
  readonly followed: Map<string, Position>;
}

interface Kept extends Answer {
  at: number;
  bytes: number;
}

/** Text that the answers of one session may have, in characters. */
const MOST_CHARACTERS = 4_194_304;

export class Answers {
  readonly #most: number;
  readonly #keepMs: number;
  /** In the order of their coming; made with the first. */
  #kept: Map<string, Kept> | undefined;
  #characters = 0;

  constructor(most: number, keepMs: number) {
    this.#most = most;
    this.#keepMs = keepMs;
  }

  get size(): number {
    return this.#kept?.size ?? 0;
  }

  /**
   * What was or will be answered to this request.
   *
   * @throws MusterError `IDEMPOTENCY_MISMATCH` when the id stands for another request.
   */
  find(id: string, fingerprint: string): Answer | undefined {
    const known = this.#kept?.get(id);
    if (known !== undefined && known.fingerprint !== fingerprint) throw contractError('IDEMPOTENCY_MISMATCH', { id });
    return known;
  }

  /** Keeps an answer; one that is still being worked out is kept as well, so that a repeat waits for it. */
  keep(id: string, answer: Answer, now: number): void {
    const kept = { ...answer, at: now, bytes: 0 };
    const all = (this.#kept ??= new Map());
    all.set(id, kept);
    void answer.response.then((text) => {
      if (all.get(id) !== kept) return;
      kept.bytes = text.length;
      this.#characters += text.length;
    });
    this.#forgetOld(now);
  }

  /** What was refused for now may succeed later: its next try is a first one. */
  forget(id: string): void {
    this.#characters -= this.#kept?.get(id)?.bytes ?? 0;
    this.#kept?.delete(id);
  }

  #forgetOld(now: number): void {
    for (const [id, { at }] of this.#kept ?? []) {
      const isTooMuch = this.size > this.#most || this.#characters > MOST_CHARACTERS;
      if (!isTooMuch && now - at < this.#keepMs) return;
      this.forget(id);
    }
  }
}
