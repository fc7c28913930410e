/** A client that comes back to far more than the server may hold for it: all of it arrives, and little of it is in memory at once. */
import { afterAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position, ServerFrame } from '@muster/contracts';
import { EventLog, principalOf, streamOf } from '@muster/core';
import { numberedEvent as eventOf } from '@muster/core/testing';
import { lmdb } from '@muster/lmdb';
import { webSocketServer } from '@muster/server';
import { WebSocket } from 'ws';
import { RawClient, serve } from './harness.ts';
import { usedMemory } from './memory.ts';

const MIB = 2 ** 20;
/** What is appended while the client is away. */
const AWAY_BYTES = 40 * MIB;
/** What the process may hold more than before, at any time: a send buffer, a read of the log, and what is not collected yet. */
const MOST_GROWTH = 4 * MIB;
const SEND_BUFFER = MIB;
const WINDOW = 1_024;

/** The server stands still when nothing has happened for so many turns of the loop. */
const STILL = 20;
/** At every so many pauses memory is looked at. */
const LOOK_EVERY = 10;
/** So many messages a slow reader takes before it pauses. */
const MESSAGES = 64;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const directory = mkdtempSync(join(tmpdir(), 'muster-catch-up-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A server over LMDB whose side of every socket can be looked at. */
async function durableServer(name: string) {
  const http = createServer();
  const sockets: Socket[] = [];
  http.on('connection', (socket) => sockets.push(socket));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const made = webSocketServer({ attachTo: http, limits: { sendBufferBytes: SEND_BUFFER, window: WINDOW } });
  const server = await serve(() => ({ methods: {} }), {
    services: lmdb({ directory: join(directory, name) }) as never,
    app: { server: made },
  });
  await server.started;
  return {
    url: made.url.replace('http', 'ws'),
    log: server.app.get(EventLog),
    sockets,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      http.close();
    },
  };
}

/** Appends `count` events of `bytes` each, `each` at a time. */
async function append(log: EventLog, stream: string, size: { count: number; bytes: number; each: number }) {
  const { top } = await log.info(stream);
  const text = 'x'.repeat(size.bytes);
  for (let at = top + 1; at <= top + size.count; at += size.each * 50) {
    const batches = Array.from({ length: 50 }, (_, i) => at + i * size.each).filter((n) => n <= top + size.count);
    await Promise.all(
      batches.map((from) =>
        log.append(
          stream,
          Array.from({ length: size.each }, (_, i) => eventOf(from + i, text)),
        ),
      ),
    );
  }
}

/** A client that takes some messages, leaves its socket alone until the server stands still, and goes on. */
class SlowReader {
  readonly problems: string[] = [];
  /** The most that was ever there at once: bytes at the server's socket, events without an ack, and both in one frame. */
  readonly most = { bufferedBytes: 0, unacked: 0, frameBytes: 0, frameEvents: 0 };
  readonly #socket: WebSocket;
  /** The server's end. */
  readonly #upstream: Socket;
  readonly #from: number;
  readonly #epoch: string;
  seen: number;
  #acked: number;
  #messages = 0;
  isLive = false;

  constructor(socket: WebSocket, upstream: Socket, { epoch, offset }: Position) {
    this.#socket = socket;
    this.#upstream = upstream;
    this.#epoch = epoch;
    this.seen = this.#acked = this.#from = offset;
    socket.on('message', (data: Buffer) => this.#received(data));
    socket.on('close', (code) => this.problems.push(`closed with ${code}`));
  }

  /** Nobody reads until the server stands still: it has filled the kernel and its own buffer, or the window. */
  async pause(): Promise<void> {
    this.#socket.pause();
    for (let still = 0, at = -1; still < STILL; at = this.#upstream.bytesWritten) {
      await turn();
      still = this.#upstream.bytesWritten === at ? still + 1 : 0;
      this.most.bufferedBytes = Math.max(this.most.bufferedBytes, this.#upstream.writableLength);
    }
  }

  /** Takes some messages. Where no more come before an ack, all that has come is acknowledged. */
  async read(): Promise<void> {
    this.#socket.resume();
    const { _socket: tcp } = this.#socket as unknown as { _socket: Socket };
    const enough = this.#messages + MESSAGES;
    for (let still = 0; still < STILL && this.#messages < enough && !this.isLive; await turn())
      still = tcp.bytesRead === this.#upstream.bytesWritten ? still + 1 : 0;
    if (this.#messages >= enough) return;
    this.#acked = this.seen;
    this.#socket.send(JSON.stringify({ type: 'ack', stream: 't', epoch: this.#epoch, offset: this.seen }));
  }

  #received(data: Buffer): void {
    this.#messages += 1;
    const frame = JSON.parse(data.toString('utf8')) as ServerFrame;
    if (frame.type === 'reset' || frame.type === 'error') this.problems.push(data.toString());
    if (frame.type === 'live') this.isLive = true;
    if (frame.type !== 'events') return;
    const { offset, events } = frame;
    // A replay may begin at the start of the batch that the cursor lies in, and only there.
    const fits = offset === this.seen + 1 || (this.seen === this.#from && offset <= this.seen);
    if (!fits) this.problems.push(`${offset} came after ${this.seen}`);
    for (const [i, { id }] of events.entries())
      if (id !== `r:${offset + i}`) this.problems.push(`${id} at ${offset + i}`);
    this.seen = offset + events.length - 1;
    const { most } = this;
    most.unacked = Math.max(most.unacked, this.seen - this.#acked);
    most.frameBytes = Math.max(most.frameBytes, data.length);
    most.frameEvents = Math.max(most.frameEvents, events.length);
  }
}

describe('a client that was away', () => {
  it.each([
    ['few large events, where the send buffer is the bound', { bytes: 40_000, each: 1 }],
    ['many small ones, where the window is', { bytes: 1_000, each: 16 }],
  ])(
    'catches up slowly with 40 MiB of %s',
    async (name, size) => {
      await using server = await durableServer(name.slice(0, 3));
      const stream = streamOf(principalOf('ann'), 't');
      const countOf = (bytes: number): number => Math.ceil(bytes / size.bytes / size.each) * size.each;
      // What it reads before it goes also makes the log allocate what it keeps for reading.
      await append(server.log, stream, { ...size, count: countOf(4 * MIB) });
      const before = await RawClient.welcomed(server.url, 'ann', { cursors: {}, subscribe: ['t'] });
      const { epoch } = before.welcome.streams['t']!;
      const offset = countOf(4 * MIB);
      for (let at = 0; at < offset; before.send({ type: 'ack', stream: 't', epoch, offset: at })) {
        const frame = await before.next('events');
        at = frame.offset + frame.events.length - 1;
      }
      const { session } = before.welcome;
      await before.close();
      before.frames.length = 0;
      const count = countOf(AWAY_BYTES);
      await append(server.log, stream, { ...size, count });

      const socket = new WebSocket(`${server.url}/ws`, 'muster.v1');
      await once(socket, 'open');
      const reader = new SlowReader(socket, server.sockets.at(-1) as Socket, { epoch, offset });
      const idle = await usedMemory();
      let grown = 0;
      socket.send(
        JSON.stringify({
          type: 'hello',
          client: { id: 'c', name: 'slow', version: '1' },
          auth: { scheme: 'bearer', token: 'token:ann' },
          session,
          cursors: { t: { epoch, offset } },
        }),
      );
      for (let round = 0; !reader.isLive && reader.problems.length === 0; round += 1) {
        await reader.pause();
        if (round % LOOK_EVERY === 0) grown = Math.max(grown, (await usedMemory()) - idle);
        await reader.read();
      }
      expect(reader.problems).toEqual([]);
      expect(reader.seen).toBe(offset + count);
      const { most } = reader;
      expect(grown).toBeLessThan(MOST_GROWTH);
      // Each bound is met, and gone over by what is left of one frame and no more.
      expect(most.bufferedBytes).toBeLessThan(SEND_BUFFER + 2 * most.frameBytes);
      expect(most.unacked).toBeLessThan(WINDOW + most.frameEvents);
      expect(size.each === 1 ? most.bufferedBytes / SEND_BUFFER : most.unacked / WINDOW).toBeGreaterThanOrEqual(1);
      socket.removeAllListeners('close').close();
      await once(socket, 'close');
    },
    60_000,
  );
});
