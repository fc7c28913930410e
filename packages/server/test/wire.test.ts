import { describe, expect, it } from '@jest/globals';
import { EventEmitter } from 'node:events';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { Wire } from '../src/connection/wire.ts';

const observer = { received: () => {}, heard: () => {}, closed: () => {} };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** So many open sockets, and the numbers of those that have been written to, in order. */
function sockets(count: number) {
  const written: number[] = [];
  const wires = Array.from({ length: count }, (_, n) => {
    const socket = Object.assign(new EventEmitter(), {
      OPEN: 1,
      readyState: 1,
      bufferedAmount: 0,
      terminate: () => {},
    });
    let isCorked = false;
    const stream = {
      writableHighWaterMark: 0,
      cork: () => {
        isCorked = true;
      },
      uncork: () => {
        isCorked = false;
        written.push(n);
      },
      write: () => isCorked || written.push(n),
    };
    return new Wire(socket as unknown as WebSocket, stream as unknown as Duplex, 1, observer);
  });
  return { wires, written };
}

describe('what is written to many sockets in one tick', () => {
  it('leaves in order, and lets the event loop look at what has come between some and the next', async () => {
    const { wires, written } = sockets(200);
    for (const [n, wire] of wires.entries()) {
      wire.writeFramed(Buffer.from('one'));
      // Several leave as one.
      if (n % 2 === 0) wire.writeFramed(Buffer.from('two'));
      if (n % 4 === 0) wire.writeFramed(Buffer.from('three'));
    }
    expect(written).toEqual([]);
    const seen: number[] = [];
    for (let turns = 0; turns < 5; turns += 1) {
      await turn();
      seen.push(written.length);
    }
    expect(seen).toEqual([64, 128, 192, 200, 200]);
    expect(written).toEqual(Array.from({ length: 200 }, (_, n) => n));
  });

  it('leaves at once where a socket is cut, and once', async () => {
    const { wires, written } = sockets(100);
    for (const wire of wires) wire.writeFramed(Buffer.from('one'));
    wires[99]?.terminate();
    expect(written).toEqual([99]);
    for (let turns = 0; turns < 3; turns += 1) await turn();
    expect(written).toHaveLength(100);
  });
});
