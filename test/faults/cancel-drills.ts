/** What ends a run from outside, and what does not. */
import type { AgentEvent } from '@muster/contracts';
import { atEveryPoint, type Drill, type DrillContext } from './drill.ts';
import { broke } from './ledger.ts';
import { Site, type Tab } from './site.ts';
import { inTime, isInTime, until } from './waiting.ts';

/** What is promised: from a cancel to the tool's signal, and to the terminal. In milliseconds. */
const SIGNAL_MS = 200;
const TERMINAL_MS = 1_000;
/** What takes so long never comes. */
const NEVER_MS = 5_000;
/** So often a time is taken; the one in the middle counts, so that one standstill of the machine says nothing. */
const TAKEN = 5;

/** A cancel reaches the tool's signal and the terminal in time, also where the tool does not listen. */
export const cancelInTime: Drill = async ({ backend, verdict }) => {
  await using site = await Site.open({ backend, verdict });
  const tab = await site.tab('ann');
  const ids: string[] = [];
  const times: { signalMs: number; terminalMs: number }[] = [];
  for (let i = 0; i < TAKEN; i += 1) {
    const deed = i % 2 === 0 ? 'listens' : 'ignores';
    const run = tab.client.run({ text: `${deed}, canary of ann.`, agent: 'worker', thread: tab.thread });
    const { run: id } = await run.accepted;
    await until(() => tab.delivered.some((event) => event.run === id && event.event === 'tool_executing'));
    const began = Date.now();
    run.cancel('enough');
    if (!(await isInTime(run.result, NEVER_MS)))
      return broke(verdict, 'R8', `a run that ${deed} could not be cancelled`);
    const terminalMs = Date.now() - began;
    const { status, by } = await run.result;
    if (status !== 'cancelled' || by !== 'user') broke(verdict, 'R8', `a cancelled run ended as ${status} by ${by}`);
    let signalMs = 0;
    if (deed === 'listens') {
      const aborted = site.server.said(new RegExp(`aborted ${id} (\\d+)`));
      if (!(await isInTime(aborted, NEVER_MS)))
        return broke(verdict, 'R8', 'a cancel did not reach the signal of the tool');
      signalMs = Number(await aborted) - began;
    }
    times.push({ signalMs, terminalMs });
    ids.push(id);
  }
  // After the end, which is long ago for the first of them: nothing.
  for (const run of ids) {
    await tab.client.request('cancel', { run }).catch(() => broke(verdict, 'R8', 'a cancel after the end was refused'));
  }
  const listening = times.filter((_, i) => i % 2 === 0).map(({ signalMs }) => signalMs);
  if (middle(listening) > SIGNAL_MS) broke(verdict, 'R8', `a cancel took more than ${SIGNAL_MS} ms to the signal`);
  if (middle(times.map(({ terminalMs }) => terminalMs)) > TERMINAL_MS)
    broke(verdict, 'R8', `a cancel took more than ${TERMINAL_MS} ms to the terminal`);
  if (tab.errors.length > 0) broke(verdict, 'R8', `a cancel was answered by ${tab.errors.join()}`);
  await site.judge();
};

/** A cancel after each event of a run: every run has its end, whatever was under way. */
export const cancelAtEveryEvent: Drill = async (context) => {
  const { backend, verdict } = context;
  await using site = await Site.open({ backend, verdict });
  await atEveryPoint(context, async (point) => {
    const tab = await site.tab('ann');
    const run = tab.client.run({ text: 'works, canary of ann.', agent: 'worker', thread: tab.thread });
    const { run: id } = await run.accepted;
    const own = (): AgentEvent[] => tab.delivered.filter((event) => event.run === id);
    const isOver = (): boolean => own().some(({ event }) => event === 'agent_completed');
    await inTime(Promise.race([until(() => own().length >= point || isOver()), run.result]), 'an event', NEVER_MS);
    const wasOver = isOver();
    run.cancel('enough');
    run.cancel('twice');
    if (!(await isInTime(run.result, NEVER_MS))) broke(verdict, 'R2', 'a run that was cancelled has no end');
    return !wasOver;
  });
  await site.judge();
};

/** A run of somebody else is not to be cancelled, and does not notice. */
export const cancelOfAnother: Drill = async (context) => {
  await withWaiting(context, async (site, ann, id) => {
    const bob = await site.tab('bob');
    const refused = await bob.client.request('cancel', { run: id }).then(
      () => 'nothing',
      (error: { details?: { code?: string } }) => error.details?.code,
    );
    if (refused !== 'RUN_NOT_FOUND')
      broke(context.verdict, 'R8', `the cancel of another user was answered by ${refused}`);
    return ann;
  });
};

/** A client that goes, and its connection with it, ends no run. */
export const disconnect: Drill = async (context) => {
  await withWaiting(context, async (site, ann) => {
    const gone = site.proxy.connections.at(-1);
    await ann.client.close();
    await gone?.closed;
    return site.tab('ann', ann.thread);
  });
};

/** A run of an agent that ends with its user is cancelled when the last connection goes. */
export const disconnectOfTheLast: Drill = async ({ backend, verdict }) => {
  await using site = await Site.open({ backend, verdict });
  const ann = await site.tab('ann');
  const run = ann.client.run({ text: 'listens, canary of ann.', agent: 'loyal worker', thread: ann.thread });
  const { run: id } = await run.accepted;
  await until(() => ann.delivered.some(({ event }) => event === 'tool_executing'));
  // Who is back before the server has noticed has never been away.
  const aborted = site.server.said(new RegExp(`aborted ${id} `));
  await ann.client.close();
  if (!(await isInTime(aborted, NEVER_MS))) broke(verdict, 'R8', 'a run whose user has gone goes on');
  const back = await site.tab('ann', ann.thread);
  const end = (): AgentEvent | undefined =>
    back.delivered.find((event) => event.run === id && event.event === 'agent_completed');
  await until(() => end() !== undefined, NEVER_MS).catch(() => {});
  const { status } = (end()?.data ?? {}) as { status?: string };
  if (status !== 'cancelled') broke(verdict, 'R8', `a run whose user has gone is ${status ?? 'still there'}`);
  await site.judge([back]);
};

/** A run that waits for another: what happens to it meanwhile must not keep it from its good end. */
async function withWaiting(
  { backend, verdict }: DrillContext,
  meanwhile: (site: Site, ann: Tab, run: string) => Promise<Tab>,
): Promise<void> {
  await using site = await Site.open({ backend, verdict });
  const ann = await site.tab('ann');
  const run = ann.client.run({ text: 'waits-for door, canary of ann.', agent: 'worker', thread: ann.thread });
  const { run: id } = await run.accepted;
  await until(() => ann.delivered.length >= 2);
  const tab = await meanwhile(site, ann, id);
  await tab.client.run({ text: 'lets door, canary of ann.', agent: 'worker', thread: ann.thread }).result;
  const end = (): AgentEvent | undefined =>
    tab.delivered.find((event) => event.run === id && event.event === 'agent_completed');
  await until(() => end() !== undefined, NEVER_MS).catch(() => broke(verdict, 'R2', 'a run has no end'));
  const { status } = (end()?.data ?? {}) as { status?: string };
  if (status !== 'success') broke(verdict, 'R8', `a run that nobody may have cancelled ended as ${status}`);
  await site.judge([tab]);
}

function middle(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
}
