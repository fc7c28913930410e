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
  readonly #offsets = new Float64Array(SIZE);
  readonly #times = new Float64Array(SIZE);
  readonly #isAck = new Uint8Array(SIZE);
  #next = 0;

  /** @param now milliseconds since 1970 */
  constructor(now: () => number) {
    this.#now = now;
  }

  add(kind: DeliveryMark['kind'], stream: string, connection: string, offset: number): void {
    const i = this.#next % SIZE;
    this.#streams[i] = stream;
    this.#connections[i] = connection;
    this.#offsets[i] = offset;
    this.#times[i] = this.#now();
    this.#isAck[i] = kind === 'acknowledged' ? 1 : 0;
    this.#next += 1;
  }

  /** Those of one stream, the oldest first. */
  of(stream: string): DeliveryMark[] {
    const marks: DeliveryMark[] = [];
    for (let n = Math.max(0, this.#next - SIZE); n < this.#next; n++) {
      const i = n % SIZE;
      if (this.#streams[i] !== stream) continue;
      marks.push({
        kind: this.#isAck[i] === 1 ? 'acknowledged' : 'sent',
        connection: this.#connections[i] as string,
        offset: this.#offsets[i] as number,
        at: this.#times[i] as number,
      });
    }
    return marks;
  }
}
