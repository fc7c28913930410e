/**
 * What became of everything that was appended: per stream, appended = acknowledged + pending + expired, exactly.
 *
 * It is kept as events pass, so that a look at all of it costs nothing. An acknowledgement is one of any session of the user.
 * Streams are forgotten when nobody has followed them for a while, because what is kept here is no more than how far somebody
 * has come.
 */
import type { StreamInfo } from '@muster/contracts';
import type { DeliveryAccount, EventLog, Interceptor } from '@muster/core';
import type { DeliveryMarks, Marked } from './delivery-marks.ts';

interface Entry {
  epoch: string;
  floor: number;
  top: number;
  acked: number;
  followers: number;
}

/** One connection's part in a stream; it is told of what passes there. */
export class StreamAccount implements Marked {
  readonly stream: string;
  readonly connection: string;
  readonly #ledger: Ledger;
  readonly #entry: Entry;
  #isOpen = true;

  constructor(ledger: Ledger, stream: string, connection: string, entry: Entry) {
    this.#ledger = ledger;
    this.stream = stream;
    this.connection = connection;
    this.#entry = entry;
  }

  /**
   * Where the stream stood when somebody looked.
   *
   * @param cursor up to where the client has processed it
   */
  stood(info: StreamInfo, cursor: number): void {
    this.#ledger.stood(this.#entry, info);
    this.#ledger.acked(this.#entry, info.epoch, cursor);
  }

  appended(epoch: string, top: number): void {
    this.#ledger.appended(this.#entry, epoch, top);
  }

  /** @param from offset of the first event, and `to` of the last */
  sent(from: number, to: number): void {
    this.#ledger.marks?.sent(this, from, to);
  }

  acknowledged(epoch: string, offset: number): void {
    this.#ledger.acked(this.#entry, epoch, offset);
    this.#ledger.interceptor?.acknowledged(this.stream, offset);
    this.#ledger.marks?.acknowledged(this, offset);
  }

  /** The connection follows the stream no more. */
  end(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#ledger.left(this.stream, this.#entry);
  }
}

export class Ledger {
  /** Set where somebody watches. */
  marks: DeliveryMarks | undefined;
  /** Told of every ack, where the app has one. */
  interceptor: Interceptor | undefined;
  readonly #streams = new Map<string, Entry>();
  #appended = 0;
  #acknowledged = 0;
  #expired = 0;

  /** A connection follows the stream until it ends its account. */
  follow(stream: string, connection: string): StreamAccount {
    const entry = this.#streams.get(stream) ?? { epoch: '', floor: 0, top: 0, acked: 0, followers: 0 };
    entry.followers += 1;
    this.#streams.set(stream, entry);
    return new StreamAccount(this, stream, connection, entry);
  }

  /** How things stand with all streams that are followed, as far as has been seen here. */
  get account(): DeliveryAccount {
    const appended = this.#appended;
    const acknowledged = this.#acknowledged;
    const expired = this.#expired;
    return { appended, acknowledged, expired, pending: appended - acknowledged - expired };
  }

  /** The same after a look into the log: what has expired there is not always seen here. */
  async audited(log: EventLog): Promise<DeliveryAccount> {
    await Promise.all([...this.#streams].map(async ([stream, entry]) => this.stood(entry, await log.info(stream))));
    return this.account;
  }

  /** For `StreamAccount`, like the next three. */
  stood(entry: Entry, { epoch, floor, top }: StreamInfo): void {
    this.#change(entry, () => {
      this.#enter(entry, epoch);
      entry.floor = Math.max(entry.floor, floor);
      entry.top = Math.max(entry.top, top);
    });
  }

  appended(entry: Entry, epoch: string, top: number): void {
    if (entry.epoch === epoch) {
      if (top <= entry.top) return;
      this.#appended += top - entry.top;
      entry.top = top;
    } else {
      this.#change(entry, () => {
        this.#enter(entry, epoch);
        entry.top = top;
      });
    }
  }

  acked(entry: Entry, epoch: string, offset: number): void {
    // Of what was before the stream began anew, or what this client had said before.
    if (entry.epoch !== epoch || offset <= entry.acked) return;
    this.#change(entry, () => {
      entry.acked = offset;
    });
  }

  left(stream: string, entry: Entry): void {
    entry.followers -= 1;
    if (entry.followers > 0) return;
    this.#count(entry, -1);
    this.#streams.delete(stream);
  }

  #enter(entry: Entry, epoch: string): void {
    if (entry.epoch === epoch) return;
    entry.epoch = epoch;
    entry.floor = 0;
    entry.top = 0;
    entry.acked = 0;
  }

  #change(entry: Entry, change: () => void): void {
    this.#count(entry, -1);
    change();
    this.#count(entry, 1);
  }

  #count(entry: Entry, sign: 1 | -1): void {
    const { top, acked, floor } = entry;
    this.#appended += sign * top;
    this.#acknowledged += sign * acked;
    this.#expired += sign * Math.max(0, floor - acked);
  }
}
