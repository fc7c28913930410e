/**
 * Whether there is room for more events: servers are asked how much they have, so that none of them has to refuse an append.
 *
 * They would, if the stream had that limit, but only when a message is about to be stored. What they refuse then they count,
 * and one that was killed has forgotten that count: see `JetStream.publish`. So several instances may exceed the limit by what
 * they write between two questions.
 */
import type { JetStream } from './jetstream.ts';

export class Room {
  readonly #jetstream: JetStream;
  readonly #most: number;
  /** What is left as far as this instance knows; nothing before it has asked. */
  #left = 0;
  #looking: Promise<void> | undefined;

  /** @param most how much may be kept, in bytes. */
  constructor(jetstream: JetStream, most: number) {
    this.#jetstream = jetstream;
    this.#most = most;
  }

  /** Asks how much there is. @throws Error when nobody answers */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** Takes room for so many bytes; false when there is none. @throws Error when nobody answers */
  async take(bytes: number): Promise<boolean> {
    if (this.#left < bytes) await this.look();
    if (this.#left < bytes) return false;
    this.#left -= bytes;
    return true;
  }

  async #look(): Promise<void> {
    this.#left = this.#most - (await this.#jetstream.bytes());
  }
}
