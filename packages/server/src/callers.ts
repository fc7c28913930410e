/**
 * How many connections each address has, and how many of them are strangers.
 *
 * Which address a peer has is a system call, so nobody is asked for it while no address can be at a limit.
 */
import type { IncomingMessage } from 'node:http';
import type { Limits } from './connection/limits.ts';
import { Tally } from './tally.ts';

export class Callers {
  readonly #limits: Limits;
  readonly #proxies: number;
  readonly #byAddress = new Tally();
  readonly #strangersByAddress = new Tally();
  /** Those that are not counted by their addresses yet. */
  readonly #uncounted = new Set<Caller>();
  #total = 0;
  #strangers = 0;

  /** @param proxies how many in front of us add to `x-forwarded-for` */
  constructor(limits: Limits, proxies: number) {
    this.#limits = limits;
    this.#proxies = proxies;
  }

  /** Connections whose user is not known. */
  get strangers(): number {
    return this.#strangers;
  }

  /** True when the address that asks has as many connections, or as many strangers, as it may have. */
  isTooMany(request: IncomingMessage): boolean {
    const { connectionsPerAddress, unauthenticatedPerAddress } = this.#limits;
    if (this.#total < connectionsPerAddress && this.#strangers < unauthenticatedPerAddress) return false;
    for (const caller of this.#uncounted) {
      this.#byAddress.count(caller.address);
      if (caller.isStranger) this.#strangersByAddress.count(caller.address);
    }
    this.#uncounted.clear();
    const address = addressOf(request, this.#proxies);
    const strangers = this.#strangersByAddress.of(address);
    return this.#byAddress.of(address) >= connectionsPerAddress || strangers >= unauthenticatedPerAddress;
  }

  /** A socket has come, from a stranger; `known` and `left` have to be called when it is none any more, and when it has gone. */
  came(request: IncomingMessage): Caller {
    const caller = new Caller(request, this.#proxies);
    this.#uncounted.add(caller);
    this.#total += 1;
    this.#strangers += 1;
    return caller;
  }

  known(caller: Caller): void {
    if (!caller.isStranger) return;
    caller.isStranger = false;
    this.#strangers -= 1;
    if (!this.#uncounted.has(caller)) this.#strangersByAddress.uncount(caller.address);
  }

  left(caller: Caller): void {
    this.known(caller);
    this.#total -= 1;
    if (!this.#uncounted.delete(caller)) this.#byAddress.uncount(caller.address);
  }
}

/** One that has come, and goes once. */
export class Caller {
  isStranger = true;
  readonly #peer: IncomingMessage['socket'];
  #address: string | undefined;

  constructor(request: IncomingMessage, proxies: number) {
    this.#peer = request.socket;
    // What a proxy says is there as long as the request is.
    if (proxies > 0) this.#address = addressOf(request, proxies);
  }

  /** What it was the first time is what it stays: a socket that is closed has none any more. */
  get address(): string {
    this.#address ??= peerOf(this.#peer);
    return this.#address;
  }
}

/**
 * Whose connection it is as far as the network knows: the peer, or what so many trusted proxies say of it.
 *
 * Counted from the right, because only what our own proxies added can be believed.
 */
function addressOf(request: IncomingMessage, proxies: number): string {
  if (proxies === 0) return peerOf(request.socket);
  const header = request.headers['x-forwarded-for'];
  const forwarded = (Array.isArray(header) ? header.join(',') : (header ?? '')).split(',').map((part) => part.trim());
  // The nearest proxy wrote the last entry, the one before it the last but one.
  return forwarded.at(-proxies) || peerOf(request.socket);
}

function peerOf({ remoteAddress }: IncomingMessage['socket']): string {
  return remoteAddress ?? 'unknown';
}
