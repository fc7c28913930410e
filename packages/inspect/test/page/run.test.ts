/** What is read from the events of a run. */
import { describe, expect, it } from '@jest/globals';
import { deliveryOf } from '../../page/runs/delivery.ts';
import { merged } from '../../page/runs/run-feed.ts';
import { toolCalls } from '../../page/runs/tool-calls.ts';
import type { RunEventLine } from '../../src/live/overview.ts';

function line(n: number, event: string, more: Partial<RunEventLine> = {}): RunEventLine {
  return { n, event, at: n * 100, offset: n, bytes: 10, tool: null, callId: null, data: null, sockets: [], ...more };
}
const called = (n: number, event: string, tool: string, callId: string): RunEventLine =>
  line(n, event, { tool, callId });

describe('a run', () => {
  it('has each event once, in order; one that comes again replaces the one before', () => {
    const first = merged([], [line(2, 'agent_output'), line(1, 'agent_started')]);
    const acked = line(2, 'agent_output', { sockets: [{ connection: 'c', sentAt: 1, ackedAt: 2 }] });
    expect(merged(first, [acked, line(3, 'agent_completed')]).map(({ n, sockets }) => [n, sockets.length])).toEqual([
      [1, 0],
      [2, 1],
      [3, 0],
    ]);
  });

  it('knows calls of one tool apart by their ids', () => {
    const events = [
      called(1, 'tool_executing', 'search', 'a'),
      called(2, 'tool_executing', 'search', 'b'),
      called(3, 'tool_completed', 'search', 'b'),
      called(4, 'tool_executing', 'read', 'c'),
      called(5, 'tool_completed', 'search', 'a'),
    ];
    const tools = [
      { callId: 'b', name: 'search', status: 'ok', durationMs: 100 },
      { callId: 'a', name: 'search', status: 'timeout', durationMs: 400 },
    ];
    expect(toolCalls(events, tools)).toEqual([
      { name: 'search', from: 100, to: 500, status: 'timeout' },
      { name: 'search', from: 200, to: 300, status: 'ok' },
      { name: 'read', from: 400, to: null, status: null },
    ]);
    expect(toolCalls([called(1, 'tool_completed', 'lost', 'd')], [])).toEqual([]);
  });

  it('says how an event reached its sockets; the slowest counts', () => {
    const sockets = (...acks: (number | null)[]) =>
      acks.map((ackedAt, at) => ({ connection: `c${at}`, sentAt: 101, ackedAt }));
    expect(deliveryOf({ at: 100, sockets: [] })).toBe('nobody listens');
    expect(deliveryOf({ at: 100, sockets: sockets(121, 140) })).toBe('acked 40 ms');
    expect(deliveryOf({ at: 100, sockets: sockets(121, null) })).toBe('1 of 2 not acked');
    expect(deliveryOf({ at: 100, sockets: sockets(null) })).toBe('not acked');
  });
});
