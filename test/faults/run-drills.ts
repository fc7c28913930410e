/** How runs begin and end, whose they are, and whose turn it is. */
import type { ServerFrame } from '@muster/contracts';
import { MISDEEDS } from './agents.ts';
import type { Drill } from './drill.ts';
import { broke } from './ledger.ts';
import { Site } from './site.ts';
import { inTime, isInTime, until } from './waiting.ts';

/** What takes so long never comes, in milliseconds. */
const NEVER_MS = 5_000;
/** An end that is promised within a second. */
const TERMINAL_MS = 1_000;

/** Every way in which a run can end gives it one terminal; a zombie that goes on is refused with the rule's name. */
export const endings: Drill = async ({ backend, verdict }) => {
  await using site = await Site.open({ backend, verdict });
  const ends = async (agent: string, text: string): Promise<void> => {
    const tab = await site.tab('ann');
    const run = tab.client.run({ text: `${text}, canary of ann.`, agent, thread: tab.thread });
    const { run: id } = await run.accepted;
    if (['3 hangs', 'goes-on'].includes(text)) {
      // It has begun: what nobody has called cannot go on.
      await until(() => tab.delivered.length >= 3);
      run.cancel('it would never end');
    }
    if (!(await isInTime(run.result, NEVER_MS))) return broke(verdict, 'R2', `a run that ${text} has no end`);
    if (!['goes-on', 'breaks-the-rules'].includes(text)) return;
    const rule = await inTime(site.server.said(new RegExp(`refused ${id} (\\S+)`)), text, NEVER_MS);
    if (rule !== 'CONTRACT_VIOLATION') broke(verdict, 'R5', `an illegal event was answered by ${rule}`);
    if (text === 'goes-on') return;
    const { status, code } = await run.result;
    if (status !== 'failed' || code !== 'CONTRACT_VIOLATION')
      broke(verdict, 'R5', `a run with an illegal event ended as ${status}`);
  };
  await Promise.all([
    ...MISDEEDS.map((misdeed) => ends('thinker', `3 ${misdeed}`)),
    ...['works', 'unheard-of', 'goes-on', 'breaks-the-rules'].map((deed) => ends('worker', deed)),
  ]);
  await site.judge();
};

/** Two users name the same thread: neither sees what the other's has, not while it happens and not in a replay. */
export const foreignThread: Drill = async ({ backend, verdict }) => {
  await using site = await Site.open({ backend, verdict });
  const ann = await site.tab('ann');
  const bob = await site.tab('bob', ann.thread);
  const ask = (tab: typeof ann) =>
    tab.client.run({ text: `works, canary of ${tab.user}.`, agent: 'worker', thread: tab.thread });
  const ends: boolean[] = [await isInTime(ask(ann).result, NEVER_MS)];
  ends.push(...(await Promise.all([ask(bob), ask(ann)].map((run) => isInTime(run.result, NEVER_MS)))));
  if (ends.includes(false)) broke(verdict, 'R2', 'a user was not shown the end of a run');
  const late = await site.tab('bob', ann.thread);
  await site.judge([ann, bob, late]);
};

/** What is beyond its number waits, can be cancelled there, and beyond a number of those is refused; others do not wait. */
export const queue: Drill = async ({ backend, verdict }) => {
  const env = { RUN_LIMITS: JSON.stringify({ perUser: 1, waitingPerUser: 1 }) };
  await using site = await Site.open({ backend, verdict, env });
  const ann = await site.tab('ann');
  const ask = (tab: typeof ann, deed: string) =>
    tab.client.run({ text: `${deed}, canary of ${tab.user}.`, agent: 'worker', thread: tab.thread });
  const first = ask(ann, 'listens');
  await until(() => ann.delivered.some(({ event }) => event === 'tool_executing'));
  const second = ask(ann, 'listens');
  await second.accepted;
  const answer = new Promise<Extract<ServerFrame, { type: 'response' }>>((resolve) => {
    ann.client.onFrame((frame) => {
      if (frame.type === 'response') resolve(frame);
    });
  });
  const giveUp = new AbortController();
  const third = ann.client.request(
    'run',
    { text: 'works, canary of ann.', agent: 'worker' },
    { signal: giveUp.signal },
  );
  third.catch(() => {});
  const refused = await inTime(answer, 'the answer to one too many', NEVER_MS);
  giveUp.abort();
  if (refused.ok || refused.error.code !== 'QUEUE_FULL' || !refused.error.retryable)
    broke(verdict, 'R9', 'one too many was not refused with QUEUE_FULL, retryable');
  const bob = await site.tab('bob');
  if (!(await isInTime(ask(bob, 'works').result, NEVER_MS))) broke(verdict, 'R9', 'a user waited for another');
  second.cancel('it has not begun');
  if (!(await isInTime(second.result, TERMINAL_MS))) broke(verdict, 'R8', 'a run that waits could not be cancelled');
  else if ((await second.result).status !== 'cancelled') broke(verdict, 'R8', 'a run that waits was not cancelled');
  first.cancel('the drill is over');
  await inTime(Promise.all([first.result, second.result]), 'the runs of the queue', NEVER_MS);
  await site.judge();
};

/** While a process lives, no other one takes its runs for left behind. */
export const twoOwners: Drill = async ({ backend, verdict }) => {
  await using site = await Site.open({ backend, verdict });
  const ann = await site.tab('ann');
  const run = ann.client.run({ text: 'waits-for door, canary of ann.', agent: 'worker', thread: ann.thread });
  await run.accepted;
  await using other = site.start();
  const refused = other.said(/belongs to process \d+/).then(() => false);
  if (await inTime(Promise.race([refused, other.url().then(() => true)]), 'the second process')) {
    broke(verdict, 'R10', 'a second process took over runs whose process lives');
    return;
  }
  await ann.client.run({ text: 'lets door, canary of ann.', agent: 'worker', thread: ann.thread }).result;
  if (!(await isInTime(run.result, NEVER_MS))) broke(verdict, 'R2', 'a run has no end');
  else if ((await run.result).status !== 'success') broke(verdict, 'R10', 'a run was ended by another process');
  await site.judge();
};
