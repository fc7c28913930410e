import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { FakeClock } from '@muster/core/testing';
import { type Fault, faultsFrom } from './fault.ts';
import { FaultyProxy } from './proxy.ts';

/** What one end of a connection has seen, and how it ended. */
class End {
  readonly socket: Socket;
  readonly closed: Promise<{ error: string | undefined; ended: boolean }>;
  text = '';
  #ended = false;
  #error: string | undefined;
  #waiters: (() => void)[] = [];

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      for (const look of this.#waiters.splice(0)) look();
    });
    socket.on('end', () => {
      this.#ended = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#error = error.code;
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => resolve({ error: this.#error, ended: this.#ended }));
    });
  }

  /** Resolves when so many bytes have come. */
  async has(bytes: number): Promise<string> {
    while (this.text.length < bytes) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    return this.text;
  }
}

/** A server, a proxy before it, and both ends of one connection through it. */
async function through(fault: Fault, clock?: FakeClock) {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const proxy = await FaultyProxy.listen({ port, faults: () => fault, ...(clock && { clock }) });
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const near = new End(connect({ port: proxy.port, host: '127.0.0.1' }));
  const far = new End((await accepted)[0]);
  return {
    near,
    far,
    connection: await proxy.connection(0),
    proxy,
    [Symbol.asyncDispose]: async () => {
      near.socket.destroy();
      far.socket.destroy();
      await proxy[Symbol.asyncDispose]();
      server.close();
      await once(server, 'close');
    },
  };
}

const text = (length: number): string => Array.from({ length }, (_, i) => String(i % 10)).join('');

describe('a proxy without faults', () => {
  it('forwards both ways, also more than fits into buffers, and the end of either side', async () => {
    await using net = await through({ kind: 'none' });
    const much = text(3_000_000);
    net.near.socket.write(much);
    net.far.socket.write('hello');
    expect(await net.near.has(5)).toBe('hello');
    expect((await net.far.has(much.length)) === much).toBe(true);
    expect(net.connection.forwarded).toBe(much.length + 5);
    net.near.socket.end();
    expect(await net.far.closed).toEqual({ error: undefined, ended: true });
    await net.connection.closed;
  });
});

describe('a fault', () => {
  it('cuts both sides with a FIN after exactly so many bytes', async () => {
    await using net = await through({ kind: 'cut', afterBytes: 10 });
    net.far.socket.write(text(4));
    await net.near.has(4);
    net.near.socket.write(text(20));
    await net.connection.struck;
    expect(await net.far.closed).toEqual({ error: undefined, ended: true });
    expect(await net.near.closed).toEqual({ error: undefined, ended: true });
    expect([net.far.text, net.near.text, net.connection.forwarded]).toEqual([text(6), text(4), 10]);
    await net.connection.closed;
  });

  it('cuts within a handshake, before a single byte', async () => {
    await using net = await through({ kind: 'cut', afterBytes: 0 });
    net.near.socket.write('GET / HTTP/1.1');
    expect(await net.near.closed).toEqual({ error: undefined, ended: true });
    expect(net.far.text).toBe('');
  });

  it('resets both sides, after what may still pass', async () => {
    await using net = await through({ kind: 'reset', afterBytes: 5 });
    net.near.socket.write(text(20));
    expect(await net.near.closed).toEqual({ error: 'ECONNRESET', ended: false });
    // libuv tells an RST that comes with the last bytes as their end.
    await net.far.closed;
    expect([net.far.text, net.connection.forwarded]).toEqual([text(5), 5]);
  });

  it('leaves both sides open and forwards nothing more', async () => {
    const clock = new FakeClock();
    await using net = await through({ kind: 'half-open', afterBytes: 3 }, clock);
    net.near.socket.write(text(20));
    expect(await net.far.has(3)).toBe(text(3));
    await net.connection.struck;
    net.far.socket.write('lost');
    net.near.socket.end();
    await clock.advance(3_600_000);
    expect([net.near.socket.destroyed, net.far.socket.destroyed]).toEqual([false, false]);
    expect([net.near.text, net.far.text]).toEqual(['', text(3)]);
  });

  it('stalls for its time, and loses nothing', async () => {
    const clock = new FakeClock();
    await using net = await through({ kind: 'stall', afterBytes: 3, ms: 10_000 }, clock);
    net.near.socket.write(text(20));
    await net.connection.struck;
    net.far.socket.write('late');
    net.near.socket.end('x');
    await clock.advance(9_999);
    expect([net.near.text, net.far.text]).toEqual(['', text(3)]);
    await clock.advance(1);
    expect(await net.far.has(21)).toBe(`${text(20)}x`);
    expect(await net.near.has(4)).toBe('late');
    expect((await net.far.closed).ended).toBe(true);
  });

  it('slows down to a number of bytes per second', async () => {
    const clock = new FakeClock();
    await using net = await through({ kind: 'slow', bytesPerSecond: 100 }, clock);
    net.near.socket.write(text(40));
    while (clock.pending === 0) await clock.settle();
    await clock.advance(199);
    expect(net.connection.forwarded).toBe(15);
    await clock.advance(1);
    expect(await net.far.has(20)).toBe(text(20));
    await clock.advance(200);
    expect(await net.far.has(40)).toBe(text(40));
  });

  it('strikes when it is told to', async () => {
    await using net = await through({ kind: 'none' });
    net.near.socket.write('hi');
    await net.far.has(2);
    net.connection.strike({ kind: 'reset', afterBytes: 0 });
    expect(await net.near.closed).toMatchObject({ error: 'ECONNRESET' });
    await net.connection.closed;
  });
});

describe('a schedule', () => {
  const options = {
    handshakeBytes: 300,
    mostBytes: 5_000,
    bytesPerSecond: [500, 50_000],
    mostStallMs: 1_000,
    connections: 200,
  } as const;

  it('is the same for the same seed, in any order, and another for another', () => {
    const list = (seed: number, order: readonly number[]): Fault[] => order.map(faultsFrom(seed, options));
    const order = Array.from({ length: 200 }, (_, i) => i);
    expect(list(7, [...order].reverse()).reverse()).toEqual(list(7, order));
    expect(list(8, order)).not.toEqual(list(7, order));
  });

  it('has every kind of fault, within and after the handshake, and then none', () => {
    const all = Array.from({ length: 200 }, (_, i) => faultsFrom(1, options)(i));
    expect(new Set(all.map(({ kind }) => kind))).toEqual(new Set(['cut', 'reset', 'half-open', 'stall', 'slow']));
    const at = all.flatMap((fault) => ('afterBytes' in fault ? [fault.afterBytes] : []));
    expect(at.some((bytes) => bytes < 300) && at.some((bytes) => bytes >= 300)).toBe(true);
    expect(Math.max(...at)).toBeLessThanOrEqual(5_000);
    expect(faultsFrom(1, options)(200)).toEqual({ kind: 'none' });
  });
});
