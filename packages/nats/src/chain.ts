/**
 * The messages of one subject that count: each follows the one that it names, and of several that name the same one the
 * first counts. One that names none counts where it is the first of all.
 *
 * JetStream compares a message with the last one of its subject when it comes in, and not when it is stored: of two that are
 * under way at the same time both may be stored and both be acknowledged (measured with three servers of 2.9.10). All servers
 * store in one order, so everybody who reads knows which of them counts, and a writer looks before it believes that it won.
 */
import type { JetStream, Kept } from './jetstream.ts';

/** A message and the one before it. */
export interface Link {
  readonly sequence: number;
  /** Sequence of the message that it follows, which counts; 0 where there was none. */
  readonly previous: number;
}

export interface ChainEnd<L extends Link> {
  readonly head: L | undefined;
  /** 0 where there is no message. */
  readonly last: number;
}

export class Chain<L extends Link> {
  readonly #jetstream: JetStream;
  readonly #decode: (kept: Kept) => L;

  constructor(jetstream: JetStream, decode: (kept: Kept) => L) {
    this.#jetstream = jetstream;
    this.#decode = decode;
  }

  /** The first message at or above a sequence, whether it counts or not. */
  async next(subject: string, sequence: number): Promise<L | undefined> {
    const kept = await this.#jetstream.next(subject, sequence);
    return kept && this.#decode(kept);
  }

  /** The message that follows the one of this sequence; 0 for the one that follows none. */
  async successor(subject: string, sequence: number): Promise<L | undefined> {
    if (sequence === 0) {
      const first = await this.next(subject, 1);
      return first?.previous === 0 ? first : undefined;
    }
    for (let at = sequence + 1; ;) {
      const candidate = await this.next(subject, at);
      if (candidate === undefined || candidate.previous === sequence) return candidate;
      at = candidate.sequence + 1;
    }
  }

  /** The last message that counts, and the sequence of the last one whether it counts or not: that is what JetStream compares with. */
  async end(subject: string): Promise<ChainEnd<L>> {
    const kept = await this.#jetstream.last(subject);
    if (kept === undefined) return { head: undefined, last: 0 };
    const last = this.#decode(kept);
    return { head: await this.#headBefore(subject, last), last: last.sequence };
  }

  async #headBefore(subject: string, last: L): Promise<L | undefined> {
    // Nothing at all was stored between the two.
    if (last.sequence === last.previous + 1) return last;
    // What it names does count: its writer has looked. Where that is none, the first does. From there on there may be another
    // way to the end.
    let head = last.previous === 0 ? await this.next(subject, 1) : await this.successor(subject, last.previous);
    while (head !== undefined && head.sequence < last.sequence) {
      const next = await this.successor(subject, head.sequence);
      if (next === undefined) break;
      head = next;
    }
    return head;
  }

  /**
   * Removes what a subject has below a message that counts. Whenever that ends, what is left begins with one that counts: what
   * does not goes first, and the others from the oldest on.
   */
  async forgetBelow(subject: string, sequence: number): Promise<void> {
    const counting: number[] = [];
    for (let at = 1; ;) {
      const link = await this.next(subject, at);
      if (link === undefined || link.sequence >= sequence) break;
      if (counting.length === 0 || link.previous === counting.at(-1)) counting.push(link.sequence);
      else await this.#jetstream.remove(link.sequence);
      at = link.sequence + 1;
    }
    for (const each of counting) await this.#jetstream.remove(each);
  }

  /** Whether a message that was stored counts. */
  async counts(subject: string, { sequence, previous }: Link): Promise<boolean> {
    return sequence === previous + 1 || (await this.successor(subject, previous))?.sequence === sequence;
  }
}

/** The last that counts among all messages of one subject, in their order. */
export function headAmong<L extends Link>(links: readonly L[]): L | undefined {
  const last = links.at(-1);
  if (last === undefined) return undefined;
  let head = last.previous === 0 ? links[0] : undefined;
  let at = head?.sequence ?? last.previous;
  for (const link of links) {
    if (link.sequence <= at || link.previous !== at) continue;
    head = link;
    at = link.sequence;
  }
  return head;
}
