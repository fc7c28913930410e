/** What becomes of a run when its process dies, or its disk is full, at any one of its durable writes. */
import type { AgentEvent } from '@muster/contracts';
import type { Drill, DrillContext } from './drill.ts';
import { atEveryPoint } from './drill.ts';
import { broke, type Verdict } from './ledger.ts';
import { Site } from './site.ts';
import { inTime, isInTime } from './waiting.ts';

/** A restart, a reconnect and a run take a part of it; what takes longer never comes. In milliseconds. */
const END_MS = 10_000;
const TEXT = 'works, canary of ann.';

/** kill -9 before each durable write of a run, when all that was said until then has been sent. */
export const killBeforeEveryWrite: Drill = (context) =>
  atEveryPoint(context, (point) => killAt(context, `kill:${point}:before`));

/** kill -9 after each durable write, before anybody knows of it. */
export const killAfterEveryWrite: Drill = (context) =>
  atEveryPoint(context, (point) => killAt(context, `kill:${point}:after`));

/** Around the writes of these: as a request is answered, amid a tool call, at the end. */
const AROUND = ['agent_started', 'agent_thinking', 'tool_executing', 'agent_completed'].flatMap((event) => [
  `kill:${event}:before`,
  `kill:${event}:after`,
]);

/** kill -9 around the write of an event; there are few of them, so each is tried. */
export const killAtAnEvent: Drill = (context) =>
  atEveryPoint({ ...context, every: 1 }, async (point) => {
    const plan = AROUND[point - 1];
    if (plan !== undefined) await killAt(context, plan);
    return plan !== undefined;
  });

/** @returns false when the run had ended before that write. */
async function killAt({ backend, verdict }: DrillContext, plan: string): Promise<boolean> {
  await using site = await Site.open({ backend, verdict, env: { HARM: plan } });
  const tab = await site.tab('ann');
  const run = tab.client.run({ text: TEXT, agent: 'worker', thread: tab.thread });
  let accepted: string | undefined;
  run.accepted.then(({ run: id }) => (accepted = id)).catch(() => {});
  await inTime(Promise.race([site.server.exited, run.result]), `the run of ${plan}`, END_MS);
  const told = accepted;
  // What is still to be written of a run that has ended is written before the process is over.
  site.server.child.kill('SIGTERM');
  const { signal } = await inTime(site.server.exited, `the process of ${plan}`, END_MS);
  const said = site.server.output;
  await site.restart();
  const isKilled = signal === 'SIGKILL';
  const shown = [...tab.delivered];
  const found = await site.log(tab);
  const kept = new Set(found.map(({ id }) => id));
  judgeSteps(verdict, found, said);
  const isGone = told !== undefined && !kept.has(`${told}:1`);
  if (isGone) broke(verdict, 'R9', 'a request was answered, and nothing came of it');
  const isTaken = shown.some(({ id }) => !kept.has(id));
  if (isTaken) broke(verdict, 'R1', 'an event was shown that is not in the log');
  // Nothing comes of it any more.
  if (isGone || isTaken) return isKilled;
  const hasEnded = await isInTime(run.result, END_MS);
  const [log] = (await site.judge()) as [AgentEvent[]];
  if (!hasEnded && log.at(-1)?.event === 'agent_completed')
    broke(verdict, 'R9', 'a request that came again did not find its run');
  else if (!hasEnded) broke(verdict, 'R2', 'a run has no end when its process has died');
  judgeRequest(verdict, log);
  return isKilled;
}

/** Each durable write of a run fails once, as with a full disk; the run goes on, and a later process has nothing to add. */
export const fullDiskAtEveryWrite: Drill = (context) =>
  atEveryPoint(context, async (point) => {
    const { backend, verdict } = context;
    await using site = await Site.open({ backend, verdict, env: { HARM: `full:${point}` } });
    const tab = await site.tab('ann');
    const run = tab.client.run({ text: TEXT, agent: 'worker', thread: tab.thread });
    const ended = run.result.catch(() => {});
    // A terminal that could not be written is written by the next process.
    const unwritten = site.server.said(/run recorder/).catch(() => {});
    await inTime(Promise.race([ended, unwritten]), `the run of full:${point}`, END_MS);
    const said = site.server.output;
    const before = await site.log(tab);
    await site.restart();
    if (!(await isInTime(run.result, END_MS))) broke(verdict, 'R2', 'a run has no end when its disk was full');
    const [log] = (await site.judge()) as [AgentEvent[]];
    judgeSteps(verdict, log, said);
    const endedBefore = new Set(before.filter(({ event }) => event === 'agent_completed').map(({ run: id }) => id));
    const eventsOf = (events: readonly AgentEvent[]): number =>
      events.filter(({ run: id }) => endedBefore.has(id)).length;
    if (eventsOf(log) > eventsOf(before)) broke(verdict, 'R10', 'a run that had ended was ended again');
    return said.includes('harmed itself');
  });

/** However often it was sent, one run comes of a request. */
function judgeRequest(verdict: Verdict, log: readonly AgentEvent[]): void {
  const asked = log.filter(({ event, data }) => event === 'agent_started' && data.parent === undefined);
  if (asked.length > 1) broke(verdict, 'R9', 'two runs came of one request');
  if (asked.length === 0) broke(verdict, 'R9', 'no run came of a request');
}

/** The steps of a worker stand in their order, and each that it was told to be recorded is there. */
function judgeSteps(verdict: Verdict, log: readonly AgentEvent[], said: string): void {
  const kept = new Set<string>();
  const last = new Map<string, number>();
  for (const { run, event, data } of log) {
    // A tool's result and an answer repeat what was given.
    if (event === 'tool_completed' || event === 'agent_completed') continue;
    for (const [, step] of JSON.stringify(data).matchAll(/#(\d+)#/g)) {
      if (Number(step) < (last.get(run) ?? 0)) broke(verdict, 'R7', 'the steps of a run are not in order');
      last.set(run, Number(step));
      // What a helper was asked for is a step of the run that has asked.
      kept.add(`${run} ${step}`).add(`${event === 'agent_started' ? data.parent : run} ${step}`);
    }
  }
  for (const [, run, step] of said.matchAll(/^recorded (\S+) #(\d+)#$/gm)) {
    if (!kept.has(`${run} ${step}`))
      broke(verdict, 'R1', 'an agent was told of an event as recorded that is not in the log');
  }
}
