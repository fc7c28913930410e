/**
 * What must be so once every instance that is left is well and has had time: each run one whole life, and nothing open.
 */
import type { AgentEvent } from '@muster/contracts';
import { cleanVerdict, judge } from '../../faults/ledger.ts';
import type { ClusterWorld, Member, Request } from './world.ts';

/** Which invariant is broken, by what the judge of a run's events calls it. */
const INVARIANTS: Readonly<Record<string, string>> = { R2: 'one terminal', R10: 'one terminal' };

export async function checkAtRest(world: ClusterWorld): Promise<void> {
  for (const [run, written] of world.written)
    checkRun(
      world,
      run,
      written.map(({ event }) => event),
    );
  for (const request of world.requests) checkRequest(world, request);
  for (const key of world.records.keys())
    if (key.startsWith('runs/')) world.violate('nothing is left open', key, 'is there though all is at rest');
  for (const { name, instance, asking } of world.up) {
    if (instance.supervisor.activeRuns > 0) world.violate('nothing is left open', name, 'has runs at rest');
    if (asking > 0) world.violate('nothing is left open', name, 'has requests without an answer at rest');
  }
  world.models.checkAtRest();
  world.leads.checkAtRest();
  await checkRows(world);
}

function checkRun(world: ClusterWorld, run: string, events: readonly AgentEvent[]): void {
  const verdict = cleanVerdict();
  judge(verdict, events, [], '');
  for (const sentence of verdict.broken) {
    const invariant = INVARIANTS[sentence.split(':')[0] as string];
    const isHole = sentence.includes('n has a hole') || sentence.includes('not in their order');
    world.violate(invariant ?? (isHole ? 'numbers without a hole' : 'legal by the tables'), run, `— ${sentence}`);
  }
}

function checkRequest(world: ClusterWorld, { id, text, runs }: Request): void {
  const shown = [...world.written].filter(([, [first]]) => first !== undefined && isOf(first.event, text));
  const all = new Set([...runs, ...shown.map(([run]) => run)]);
  if (all.size > 1) world.violate('one run of a request', `request ${id}`, `has ${[...all].join(' and ')}`);
}

function isOf({ event, data }: AgentEvent, text: string): boolean {
  return event === 'agent_started' && data.message === text;
}

/** Every question of a run has the end of that run, and one answer; one of which no run came has failed. */
async function checkRows(world: ClusterWorld): Promise<void> {
  const [member] = world.up as [Member];
  const places = new Map(world.requests.map(({ user, thread }) => [`${user} ${thread}`, { user, thread }]));
  for (const { user, thread } of places.values()) {
    const reading = member.instance.rowsOf(thread, user).catch(() => []);
    await world.shared.clock.advance(1_000);
    const rows = await reading;
    for (const { run, role, status, id } of rows) {
      const end = world.written.get(run ?? '')?.at(-1)?.event;
      const expected = end?.event === 'agent_completed' ? end.data.status : 'failed';
      const name = `the ${role} row of ${run}`;
      if (status !== expected) world.violate('rows are settled once', name, `is ${status} and the run ${expected}`);
      if (rows.filter((row) => row.id === id).length > 1)
        world.violate('rows are settled once', name, 'is there twice');
    }
    for (const [run, [first]] of world.written) {
      const isHere = world.requests.some(
        (request) =>
          request.user === user && request.thread === thread && first !== undefined && isOf(first.event, request.text),
      );
      if (isHere && !rows.some((row) => row.run === run && row.role === 'assistant'))
        world.violate('rows are settled once', `run ${run}`, 'has no answer');
    }
  }
}
