/**
 * What became of everything that was appended: per stream, appended = acknowledged + pending + expired, exactly.
 *
 * An acknowledgement is one of any session of the user. Streams are forgotten when nobody has followed them for a while,
 * because what is kept here is no more than how far somebody has come.
 */
import type { EventLog } from '@muster/core';

/** Numbers of events of one stream and epoch. */
export interface DeliveryAccount {
  readonly appended: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly expired: number;
}

interface Entry {
  epoch: string;
  acked: number;
  followers: number;
}

export class Ledger {
  readonly #streams = new Map<string, Entry>();

  /** Somebody follows the stream until the returned function is called. */
  follow(stream: string): () => void {
    const entry = this.#streams.get(stream) ?? { epoch: '', acked: 0, followers: 0 };
    entry.followers += 1;
    this.#streams.set(stream, entry);
    let follows = true;
    return () => {
      if (!follows) return;
      follows = false;
      entry.followers -= 1;
      if (entry.followers === 0) this.#streams.delete(stream);
    };
  }

  acknowledged(stream: string, epoch: string, offset: number): void {
    const entry = this.#streams.get(stream);
    if (entry === undefined) return;
    if (entry.epoch !== epoch) {
      entry.epoch = epoch;
      entry.acked = 0;
    }
    entry.acked = Math.max(entry.acked, offset);
  }

  /** Streams that are followed now. */
  get streams(): Iterable<string> {
    return this.#streams.keys();
  }

  /** How things stand with one stream. */
  async account(stream: string, log: EventLog): Promise<DeliveryAccount> {
    const { epoch, floor, top } = await log.info(stream);
    const entry = this.#streams.get(stream);
    const acknowledged = entry?.epoch === epoch ? entry.acked : 0;
    const expired = Math.max(0, floor - acknowledged);
    return { appended: top, acknowledged, expired, pending: top - acknowledged - expired };
  }
}
