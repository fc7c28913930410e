/** The short form of the faults: they run, find nothing, and would find something. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { root } from '../journeys/process.ts';
import { DRILLS } from './drills.ts';
import { cleanVerdict, isClean, judge, NOTHING } from './ledger.ts';
import { SecretWatch } from './secrets.ts';

const { MUTANTS } = (await import(new URL('mutants.mjs', import.meta.url).href)) as {
  MUTANTS: readonly { guarantee: string; name: string; drill: string }[];
};

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

async function faults(...args: string[]): Promise<Record<string, unknown>> {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/faults.mjs', ...args, '--json'], {
    cwd: root,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, unknown>;
}

describe('npm run faults', () => {
  it('breaks no promise under faults of the network, directed drills and the death of the server', async () => {
    // Of the writes at which the server can die every 23rd is tried here.
    const { events, ...found } = await faults('--runs', '2', '--every', '23');
    expect(events).toBeGreaterThan(600);
    expect(found).toEqual({
      runs: 2,
      drills: Object.keys(DRILLS).length,
      ...NOTHING,
      stuck: 0,
    });
  });

  it('notices backends that lack a mechanism', async () => {
    expect(await faults('--mutants', '--only', 'R6')).toEqual({ mutants: 2, caught: 2, alive: [] });
  });

  it('has a backend without the mechanism for each guarantee, and a drill for each of those', () => {
    const numbered = Array.from({ length: 10 }, (_, i) => `R${i + 1}`);
    expect(new Set(MUTANTS.map(({ guarantee }) => guarantee))).toEqual(new Set([...numbered, 'secrets']));
    expect(MUTANTS.filter(({ drill }) => DRILLS[drill] === undefined)).toEqual([]);
    expect(new Set(MUTANTS.map(({ name }) => name)).size).toBe(MUTANTS.length);
  });
});

describe('the ledger of the faults', () => {
  const all = [event(1, 'agent_started'), event(2), event(3), event(4, 'agent_completed')];
  const [first, second, third, last] = all as [AgentEvent, AgentEvent, AgentEvent, AgentEvent];

  it.each<[string, AgentEvent[], AgentEvent[], object, string]>([
    ['nothing', all, all, {}, ''],
    ['a loss', all, [first, second, last], { lost: 1 }, ''],
    ['a loss at the end', all, [first, second, third], { lost: 1 }, ''],
    ['a double', all, [first, second, second, third, last], { duplicated: 1 }, ''],
    ['disorder', all, [second, first, third, last], { disordered: 1 }, 'R7'],
    ['what was never appended', all, [...all, event(9)], { foreign: 1 }, 'R1'],
    ['a run without an end', all.slice(0, 3), all.slice(0, 3), { terminals: { missing: 1, extra: 0 } }, 'R2'],
    [
      'a run with two',
      [...all, { ...last, id: 'r:5' }],
      [...all, { ...last, id: 'r:5' }],
      { terminals: { missing: 0, extra: 1 }, illegal: 1 },
      'R2 R3',
    ],
    ['a hole', [first, { ...second, n: 3 }, last], [first, second, last], { illegal: 1 }, 'R3'],
    [
      'a tool without an end',
      [first, second, event(3, 'tool_executing'), event(4, 'agent_completed')],
      all,
      { illegal: 1 },
      'R4',
    ],
    ['something after the end', [first, second, event(3, 'agent_completed'), event(4)], all, { illegal: 1 }, 'R3'],
    ['no first thought', [first, event(2, 'agent_output'), third, last], all, { illegal: 1 }, 'R9'],
  ])('finds %s', (_, appended, delivered, wrong, guarantees) => {
    const verdict = cleanVerdict();
    judge(verdict, appended, delivered, 'canary of ann.');
    const { broken } = verdict;
    expect(verdict).toEqual({ ...cleanVerdict(), events: appended.length, broken, ...wrong });
    expect([...new Set(broken.map((sentence) => sentence.split(':')[0]))].join(' ')).toBe(guarantees);
    expect(isClean(verdict)).toBe(Object.keys(wrong).length === 0);
  });

  it('finds what belongs to somebody else', () => {
    const verdict = cleanVerdict();
    const foreign = event(1, 'agent_started', 'canary of bob.');
    judge(verdict, [foreign, last], [foreign, last], 'canary of ann.');
    expect(verdict.foreign).toBe(1);
    expect(verdict.broken).toContain('R6: a user was shown an event of another');
  });
});

describe('the watch over secrets', () => {
  it('finds one wherever the network parts it, and not over two connections', () => {
    const text = Buffer.from('{"apiKey":"s3cret-of-mine"}');
    for (let at = 0; at <= text.length; at += 1) {
      const watch = new SecretWatch('s3cret-of-mine');
      watch.look('one', text.subarray(0, at));
      watch.look('one', text.subarray(at));
      expect(watch.found).toBe(1);
    }
    const watch = new SecretWatch('s3cret-of-mine');
    watch.look('one', text.subarray(0, 15));
    watch.look('other', text.subarray(15));
    expect(watch.found).toBe(0);
  });
});
