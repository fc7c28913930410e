/**
 * Which socket was handed what, and when its client had processed it: the latest marks of all streams, for those who watch.
 *
 * A ring: it never grows, and a mark costs a few writes into arrays that are there. Nothing is kept where nobody watches.
 */
import type { DeliveryMark } from '@muster/core';

/** How many are kept, of all streams together. */
const SIZE = 16_384;

export class DeliveryMarks {
  readonly #now: () => number;
  readonly #streams: (string | undefined)[] = Array.from({ length: SIZE });
  readonly #connections: string[] = Array.from({ length: SIZE }, () => '');
  readonly #from = new Float64Array(SIZE);
  readonly #to = new Float64Array(SIZE);
  readonly #times = new Float64Array(SIZE);
  readonly #isAck = new Uint8Array(SIZE);
  /** Number of the latest. */
  #next = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(kind: DeliveryMark['kind'], stream: string, connection: string, from: number, to: number): void {
    this.#next += 1;
    const i = this.#next % SIZE;
    this.#streams[i] = stream;
    this.#connections[i] = connection;
    this.#from[i] = from;
    this.#to[i] = to;
    this.#times[i] = this.#now();
    this.#isAck[i] = kind === 'acknowledged' ? 1 : 0;
  }

  /** Those of one stream behind the `n` of one, the oldest first. */
  of(stream: string, after: number): DeliveryMark[] {
    const marks: DeliveryMark[] = [];
    for (let n = Math.max(after, this.#next - SIZE) + 1; n <= this.#next; n++) {
      const i = n % SIZE;
      if (this.#streams[i] !== stream) continue;
      marks.push({
        n,
        kind: this.#isAck[i] === 1 ? 'acknowledged' : 'sent',
        connection: this.#connections[i] as string,
        from: this.#from[i] as number,
        to: this.#to[i] as number,
        at: this.#times[i] as number,
      });
    }
    return marks;
  }
}
