/**
 * Which socket was handed what, and when its client had processed it: the latest marks of all streams, for those who watch.
 *
 * A ring: it never grows, and a mark costs a few writes into arrays that are there. Nothing is kept where nobody watches.
 */
import type { DeliveryMark } from '@muster/core';

/** How many are kept, of all streams together. */
const SIZE = 16_384;
/** Numbers of one mark: the first event, or 0 for an acknowledgement of all up to the last; the last; when. */
const NUMBERS = 3;

/** Whose mark it is. */
export interface Marked {
  readonly stream: string;
  readonly connection: string;
}

export class DeliveryMarks {
  readonly #now: () => number;
  readonly #whose: (Marked | undefined)[] = Array.from({ length: SIZE });
  readonly #numbers = new Float64Array(SIZE * NUMBERS);
  /** Number of the latest. */
  #next = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param from offset of the first event, and `to` of the last */
  sent(whose: Marked, from: number, to: number): void {
    this.#add(whose, from, to);
  }

  acknowledged(whose: Marked, offset: number): void {
    this.#add(whose, 0, offset);
  }

  /** Those of one stream behind the `n` of one, the oldest first. */
  of(stream: string, after: number): DeliveryMark[] {
    const marks: DeliveryMark[] = [];
    for (let n = Math.max(after, this.#next - SIZE) + 1; n <= this.#next; n++) {
      const whose = this.#whose[n % SIZE];
      if (whose?.stream !== stream) continue;
      const number = (nth: number): number => this.#numbers[(n % SIZE) * NUMBERS + nth] as number;
      const kind = number(0) === 0 ? 'acknowledged' : 'sent';
      marks.push({ n, kind, connection: whose.connection, from: Math.max(1, number(0)), to: number(1), at: number(2) });
    }
    return marks;
  }

  #add(whose: Marked, from: number, to: number): void {
    this.#next += 1;
    const i = this.#next % SIZE;
    this.#whose[i] = whose;
    const numbers = this.#numbers;
    numbers[i * NUMBERS] = from;
    numbers[i * NUMBERS + 1] = to;
    numbers[i * NUMBERS + 2] = this.#now();
  }
}
