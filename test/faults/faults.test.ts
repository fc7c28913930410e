/** The short form of the faults: they run, find nothing, and would find something. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { root } from '../journeys/process.ts';
import { cleanVerdict, judge } from './ledger.ts';

jest.setTimeout(240_000);

const event = (n: number, name = 'agent_thinking', text = 'canary of ann.'): AgentEvent =>
  ({
    id: `r:${n}`,
    event: name,
    run: 'r',
    n,
    agent: 'a',
    at: 0,
    data: { reasoning: text, status: 'success' },
  }) as never;

describe('npm run faults', () => {
  it('loses, doubles and mixes up nothing under faults of the network and the death of the server', async () => {
    const args = ['scripts/faults.mjs', '--runs', '4', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    const { events, ...found } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, unknown>;
    expect(events).toBeGreaterThan(300);
    expect(found).toEqual({
      runs: 4,
      lost: 0,
      duplicated: 0,
      disordered: 0,
      foreign: 0,
      terminals: { missing: 0, extra: 0 },
      illegal: 0,
      stuck: 0,
    });
  });
});

describe('the ledger of the faults', () => {
  const all = [event(1, 'agent_started'), event(2), event(3), event(4, 'agent_completed')];
  const [first, second, third, last] = all as [AgentEvent, AgentEvent, AgentEvent, AgentEvent];

  it.each([
    ['nothing', all, all, {}],
    ['a loss', all, [first, second, last], { lost: 1 }],
    ['a loss at the end', all, [first, second, third], { lost: 1 }],
    ['a double', all, [first, second, second, third, last], { duplicated: 1 }],
    ['disorder', all, [second, first, third, last], { disordered: 1 }],
    ['what was never appended', all, [...all, event(9)], { foreign: 1 }],
    ['a run without an end', all.slice(0, 3), all.slice(0, 3), { terminals: { missing: 1, extra: 0 } }],
    [
      'a run with two',
      [...all, { ...last, id: 'r:5' }],
      [...all, { ...last, id: 'r:5' }],
      { terminals: { missing: 0, extra: 1 }, illegal: 1 },
    ],
    ['a hole', [first, { ...second, n: 3 }, last], [first, second, last], { illegal: 1 }],
    [
      'a tool without an end',
      [first, event(2, 'tool_executing'), event(3, 'agent_completed')],
      all.slice(0, 3),
      { illegal: 1 },
    ],
    ['something after the end', [first, event(2, 'agent_completed'), event(3)], all.slice(0, 3), { illegal: 1 }],
  ])('finds %s', (_, appended, delivered, wrong) => {
    const verdict = cleanVerdict();
    judge(verdict, appended, delivered, 'canary of ann.');
    expect(verdict).toEqual({ ...cleanVerdict(), events: appended.length, ...wrong });
  });

  it('finds what belongs to somebody else', () => {
    const verdict = cleanVerdict();
    const foreign = event(1, 'agent_started', 'canary of bob.');
    judge(verdict, [foreign, last], [foreign, last], 'canary of ann.');
    expect(verdict.foreign).toBe(1);
  });
});
