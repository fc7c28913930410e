/** WebSockets of one user that read every byte they get, and note the canary of anybody else. */
import type { Socket } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { WebSocket } from 'ws';

/** Stands in every payload of user number `n`; no end of it is the beginning of another. */
export const canaryOf = (n: number): string => `<canary ${String(n).padStart(4, '0')}>`;
const CANARY = /<canary (\d{4})>/g;
/** One byte less than a canary: so much of a chunk may be the beginning of one. */
const REST_BYTES = canaryOf(0).length - 1;

/** What the sockets of one user have seen. */
export class Sniffed {
  readonly #user: number;
  /** Numbers of other users, which must stay empty. */
  readonly foreign: number[] = [];
  own = 0;
  bytes = 0;

  constructor(user: number) {
    this.#user = user;
  }

  /** A class of WebSockets, as `connect()` takes it. */
  get Socket(): new (url: string, protocols: string) => WebSocket {
    const sniffed = this;
    return class extends WebSocket {
      constructor(url: string, protocols: string) {
        super(url, protocols);
        this.on('error', () => {});
        // Before `ws` listens itself: nothing of the stream has been read by then.
        this.on('upgrade', ({ socket }: IncomingMessage) => sniffed.listen(socket));
      }
    };
  }

  /** Reads along on the socket under a WebSocket. */
  listen(tcp: Socket): void {
    let rest = '';
    tcp.on('data', (chunk: Buffer) => {
      this.bytes += chunk.length;
      const text = rest + chunk.toString('latin1');
      for (const [, found] of text.matchAll(CANARY)) {
        if (Number(found) === this.#user) this.own += 1;
        else this.foreign.push(Number(found));
      }
      rest = text.slice(-REST_BYTES);
    });
  }
}
