/**
 * A TCP proxy on the loopback that does to connections what networks do: cuts, resets, silence, stalls and slowness.
 *
 * A fault happens at an exact byte, so a seed tells the same story every time.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { type Clock, systemClock } from '@muster/core';
import type { Fault, FaultSchedule } from './fault.ts';

/** How often a slow connection forwards something, in milliseconds. */
const SLICE_MS = 50;

export interface FaultyProxyOptions {
  /** Where connections go, on the loopback; asked for each connection where it can change. */
  readonly port: number | (() => number);
  /** What happens to each. @default nothing */
  readonly faults?: FaultSchedule;
  /** Times stalls and slowness. @default the system's clock */
  readonly clock?: Clock;
  /** Told of everything that comes from where connections go, whether it gets through or not. @default nobody */
  readonly watch?: (connection: number, chunk: Buffer) => void;
}

export class FaultyProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #connections: ProxiedConnection[] = [];
  #waiters: (() => void)[] = [];

  private constructor(options: FaultyProxyOptions) {
    const { port, faults = () => ({ kind: 'none' }), clock = systemClock, watch } = options;
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (client) => {
      const to = typeof port === 'number' ? port : port();
      const upstream = connect({ port: to, host: '127.0.0.1', allowHalfOpen: true });
      const nth = this.#connections.length;
      if (watch !== undefined) upstream.on('data', (chunk: Buffer) => watch(nth, chunk));
      this.#connections.push(new ProxiedConnection(client, upstream, faults(nth), clock));
      for (const look of this.#waiters.splice(0)) look();
    });
  }

  static async listen(options: FaultyProxyOptions): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(options);
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): readonly ProxiedConnection[] {
    return this.#connections;
  }

  /** The nth connection, from 0 on, as soon as it is there. */
  async connection(n: number): Promise<ProxiedConnection> {
    while (this.#connections.length <= n) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.#connections[n] as ProxiedConnection;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const connection of this.#connections) connection.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

/** One connection through the proxy. */
export class ProxiedConnection {
  readonly fault: Fault;
  /** Resolves when the fault has happened; a slow connection is so from the beginning. */
  readonly struck: Promise<void>;
  /** Resolves when both sockets are closed. */
  readonly closed: Promise<void>;
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #clock: Clock;
  #forwarded = 0;
  /** The fault that is still to come, and after how many bytes. */
  #next: Exclude<Fault, { kind: 'none' | 'slow' }> | undefined;
  #isStill = false;
  /** Read, but not forwarded before the stall is over. */
  #held: (() => void)[] = [];
  #strike!: () => void;

  constructor(client: Socket, upstream: Socket, fault: Fault, clock: Clock) {
    this.fault = fault;
    this.#client = client;
    this.#upstream = upstream;
    this.#clock = clock;
    this.struck = new Promise((resolve) => {
      this.#strike = resolve;
    });
    if (fault.kind === 'slow') this.#strike();
    else if (fault.kind !== 'none') this.#next = fault;
    const closings = [client, upstream].map((socket) => new Promise((resolve) => socket.once('close', resolve)));
    this.closed = Promise.all(closings).then(() => {});
    for (const [from, to] of [[client, upstream] as const, [upstream, client] as const]) {
      // Told by the close that follows.
      from.on('error', () => {});
      from.on('data', (chunk: Buffer) => this.#arrived(chunk, from, to));
      from.on('end', () => this.#later(() => to.end()));
      from.on('close', (hadError) => {
        if (hadError) this.#later(() => to.resetAndDestroy());
      });
    }
    client.resume();
  }

  /** Bytes that got through, both directions together. */
  get forwarded(): number {
    return this.#forwarded;
  }

  /** Does this to the connection now. */
  strike(fault: Exclude<Fault, { kind: 'none' | 'slow' }>): void {
    this.#next = undefined;
    const sockets = [this.#client, this.#upstream];
    if (fault.kind === 'cut') {
      this.#isStill = true;
      // What still comes is read and forgotten, so that the other side's own end is seen.
      for (const socket of sockets) socket.end().removeAllListeners('data').resume();
    }
    if (fault.kind === 'reset') for (const socket of sockets) socket.resetAndDestroy();
    if (fault.kind === 'half-open' || fault.kind === 'stall') {
      this.#isStill = true;
      for (const socket of sockets) socket.pause();
    }
    if (fault.kind === 'stall') this.#clock.schedule(fault.ms, () => this.#goOn());
    this.#strike();
  }

  /** Ends both sockets at once. */
  destroy(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #arrived(chunk: Buffer, from: Socket, to: Socket): void {
    const fault = this.#next;
    const room = fault === undefined ? Infinity : fault.afterBytes - this.#forwarded;
    if (this.#isStill) {
      this.#held.push(() => this.#arrived(chunk, from, to));
    } else if (this.fault.kind === 'slow') {
      from.pause();
      this.#trickle(chunk, from, to, Math.max(1, Math.floor((this.fault.bytesPerSecond * SLICE_MS) / 1_000)));
    } else if (fault === undefined || chunk.length <= room) {
      this.#forward(chunk, from, to);
    } else {
      const rest = chunk.subarray(room);
      this.#forwarded += room;
      this.#isStill = true;
      this.#held.push(() => this.#arrived(rest, from, to));
      // What may still pass has left before the fault strikes, also where that is a reset.
      to.write(chunk.subarray(0, room), () => this.strike(fault));
    }
  }

  #forward(chunk: Buffer, from: Socket, to: Socket): void {
    this.#forwarded += chunk.length;
    if (to.write(chunk)) return;
    from.pause();
    to.once('drain', () => from.resume());
  }

  #trickle(chunk: Buffer, from: Socket, to: Socket, slice: number): void {
    if (chunk.length === 0) {
      from.resume();
      return;
    }
    this.#clock.schedule(SLICE_MS, () => {
      if (to.destroyed) return;
      this.#forwarded += Math.min(slice, chunk.length);
      to.write(chunk.subarray(0, slice));
      this.#trickle(chunk.subarray(slice), from, to, slice);
    });
  }

  #goOn(): void {
    this.#isStill = false;
    for (const held of this.#held.splice(0)) held();
    for (const socket of [this.#client, this.#upstream]) socket.resume();
  }

  /** An end waits behind what is held back, as it would in the network. */
  #later(end: () => void): void {
    if (this.#isStill) this.#held.push(end);
    else end();
  }
}
