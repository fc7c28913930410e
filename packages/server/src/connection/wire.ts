/**
 * The socket under a connection: frames out, texts in, and how much room there is.
 *
 * What is sent in one tick leaves in one write. Nothing here knows what a frame means.
 */
import type { ServerFrame } from '@muster/contracts';
import { nextTick } from 'node:process';
import type { Duplex, Writable } from 'node:stream';
import type { RawData, WebSocket } from 'ws';
import { endsOnce } from './ends-once.ts';
import { textFrame } from '../delivery/text-frame.ts';

/** Told of what happens on the socket. */
export interface WireObserver {
  received(data: Buffer, isBinary: boolean): void;
  /** A sign of life without a message. */
  heard(): void;
  closed(): void;
}

export class Wire {
  readonly #socket: WebSocket;
  /** The socket of the upgrade, which `ws` writes to. */
  readonly #stream: Duplex;
  readonly #roomBytes: number;
  readonly #observer: WireObserver;
  /** The only one that was sent in this tick. */
  #first: Buffer | undefined;
  #isCorked = false;
  #waiting: (() => void)[] | undefined;

  /** Listeners are attached at once: one that comes a tick later loses what the parser has read already. */
  constructor(socket: WebSocket, stream: Duplex, roomBytes: number, observer: WireObserver) {
    this.#socket = socket;
    this.#stream = stream;
    // From there on the stream tells when it has drained.
    this.#roomBytes = Math.max(roomBytes, stream.writableHighWaterMark);
    this.#observer = observer;
    (socket as Wired)[WIRE] = this;
    endsOnce(stream);
    endsOnce((socket as Wired)._receiver);
    socket.on('message', received);
    socket.on('pong', heard);
    socket.on('close', closed);
    // ws closes after an error by itself; a broken peer is expected and no fault of ours.
    socket.on('error', ignored);
  }

  get isRoomy(): boolean {
    return this.#stream.writableLength + (this.#first?.length ?? 0) < this.#roomBytes;
  }

  /** Resolves when there is room, or nobody to need it. */
  roomy(): Promise<void> | undefined {
    if (this.isRoomy || this.#socket.readyState !== this.#socket.OPEN) return undefined;
    // Only of what it has been given does the stream say that it is through.
    this.#writeFirst();
    if (this.isRoomy) return undefined;
    if (this.#waiting === undefined) {
      this.#waiting = [];
      this.#stream.once('drain', () => this.#wake());
    }
    const { promise, resolve } = deferred();
    this.#waiting.push(resolve);
    return promise;
  }

  send(frame: ServerFrame): void {
    this.write(JSON.stringify(frame));
  }

  /** Sends the text of one frame. */
  write(text: string): void {
    this.writeFramed(textFrame(text));
  }

  /**
   * Sends a whole WebSocket frame, which may be the same for many sockets. `ws` is passed by, as it writes what it sends in
   * the call, not masked and not compressed, and header and text as two pieces.
   */
  writeFramed(frame: Buffer): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    if (this.#isCorked) this.#stream.write(frame);
    else if (this.#first === undefined) {
      // Most of the time it stays the only one, and goes without being put together with anything.
      this.#first = frame;
      if (due.push(this) === 1) nextTick(flushAll);
    } else {
      this.#isCorked = true;
      this.#stream.cork();
      this.#writeFirst();
      this.#stream.write(frame);
    }
  }

  /** Asks for a sign of life below every message. */
  ping(): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#writeFirst();
    this.#socket.ping();
  }

  /** Stops reading: the kernel keeps what the client sends until `resume()`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(code: number, reason: string): void {
    // A paused socket would never read the peer's answer to the close.
    this.#socket.resume();
    this.#writeFirst();
    this.#socket.close(code, reason);
  }

  /** Cuts the connection, after what was said. */
  terminate(): void {
    this.flush();
    this.#socket.terminate();
  }

  /** Writes what was sent in this tick. */
  flush(): void {
    this.#writeFirst();
    if (!this.#isCorked) return;
    this.#isCorked = false;
    this.#stream.uncork();
  }

  #writeFirst(): void {
    const first = this.#first;
    if (first === undefined) return;
    this.#first = undefined;
    // What ws has written since may be the end.
    if (!this.#stream.writableEnded && !this.#stream.destroyed) this.#stream.write(first);
  }

  received(data: Buffer, isBinary: boolean): void {
    this.#observer.received(data, isBinary);
  }

  heard(): void {
    this.#observer.heard();
  }

  closed(): void {
    this.#wake();
    this.#observer.closed();
  }

  #wake(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const resolve of waiting) resolve();
  }
}

/** Where a socket's listeners find its wire: they are the same for all sockets, since ten thousand idle ones add up. */
const WIRE = Symbol('wire');
interface Wired extends WebSocket {
  [WIRE]: Wire;
  /** What reads the frames; not said in the types of `ws`. */
  readonly _receiver?: Writable;
}

function received(this: WebSocket, data: RawData, isBinary: boolean): void {
  (this as Wired)[WIRE].received(data as Buffer, isBinary);
}

function heard(this: WebSocket): void {
  (this as Wired)[WIRE].heard();
}

function closed(this: WebSocket): void {
  (this as Wired)[WIRE].closed();
}

function ignored(): void {}

/** Those that have something to write in this tick. */
let due: Wire[] = [];
/** So many are written to before the event loop has a look at what has come: ten thousand at once would hold it for long. */
const TOGETHER = 64;

function flushAll(): void {
  const all = due;
  due = [];
  flushFrom(all, 0);
}

function flushFrom(all: readonly Wire[], first: number): void {
  const end = Math.min(first + TOGETHER, all.length);
  for (let i = first; i < end; i += 1) (all[i] as Wire).flush();
  if (end < all.length) setImmediate(flushFrom, all, end);
}

function deferred(): { promise: Promise<void>; resolve: () => void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}
