/**
 * Whose connection it is as far as the network knows: the peer, or what so many trusted proxies say of it.
 *
 * Counted from the right, because only what our own proxies added can be believed.
 */
import type { IncomingMessage } from 'node:http';

/** @param hops how many proxies in front of us add to `x-forwarded-for`. */
export function addressOf(request: IncomingMessage, hops: number): string {
  const peer = request.socket.remoteAddress ?? 'unknown';
  if (hops === 0) return peer;
  const header = request.headers['x-forwarded-for'];
  const forwarded = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) => part.trim());
  // The nearest proxy wrote the last entry, the one before it the last but one.
  return forwarded.at(-hops) || peer;
}

/** How often each address, or each user, occurs. */
export class Tally {
  readonly #counts = new Map<string, number>();
  #total = 0;

  get total(): number {
    return this.#total;
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  entries(): Iterable<readonly [key: string, count: number]> {
    return this.#counts.entries();
  }

  /** Counts `key` once more, until the returned function is called. */
  add(key: string): () => void {
    this.count(key);
    let isCounted = true;
    return () => {
      if (isCounted) this.uncount(key);
      isCounted = false;
    };
  }

  /** Counts `key` once more; whoever calls it sees to it that `uncount` is called once. */
  count(key: string): void {
    this.#counts.set(key, this.of(key) + 1);
    this.#total += 1;
  }

  uncount(key: string): void {
    this.#total -= 1;
    const left = this.of(key) - 1;
    if (left === 0) this.#counts.delete(key);
    else this.#counts.set(key, left);
  }
}
