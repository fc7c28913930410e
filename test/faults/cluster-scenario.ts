/**
 * One run of the faults of a cluster: users in several tabs ask for runs of every kind, and in the middle of it something
 * dies, sleeps, or is cut off. Whatever it was, every event is there once, and every run has one end.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { AgentEvent } from '@muster/contracts';
import { LEASE } from '@muster/core';
import { SeededRandom } from '@muster/core/testing';
import { MISDEEDS, type Misdeed } from './agents.ts';
import { CLUSTER_REST_MS, type ClusterSite, type Member } from './cluster-site.ts';
import { broke, type Verdict } from './ledger.ts';
import type { Tab } from './site.ts';
import { inTime, until } from './waiting.ts';

const USERS = 2;
const TABS = 2;
const RUNS = 2;
/** Longer than a lease: a process that sleeps so long has lost all of its own. */
const ASLEEP_MS = LEASE.leaseMs + LEASE.marginMs + 3_000;
/** How long a link is cut, in milliseconds: shorter and longer than a lease. */
const CUT_MS = [3_000, ASLEEP_MS] as const;
/** By when a run whose owner has died has its end, in milliseconds: lease, margin, and one look of the reaper. */
const TAKEN_OVER_MS = LEASE.leaseMs + LEASE.marginMs + LEASE.renewMs;
/** What writing an end may take beside that, on a machine that everything shares, in milliseconds. */
const WRITING_MS = 3_000;

export const DISASTERS = [
  'kill a backend',
  'kill the leader',
  'kill a backend and a server',
  'put a backend to sleep',
  'cut a backend off',
  'cut a backend off without a word',
  'let a backend hear nothing',
  'kill two servers',
  'restart everything',
  'roll out another configuration',
] as const;
export type Disaster = (typeof DISASTERS)[number];

/** Disasters that only instances meet: whoever is left can write all the time, so ends come when they have to. */
const OF_INSTANCES: ReadonlySet<Disaster> = new Set(['kill a backend', 'put a backend to sleep']);
/** The same, but what an owner has sent to renew its lease may arrive until the link is open again. */
const OF_LINKS: ReadonlySet<Disaster> = new Set([
  'cut a backend off',
  'cut a backend off without a word',
  'let a backend hear nothing',
]);

/** How long after the disaster, or after the end of one that links had, the runs that had lost their owner got their ends, in milliseconds. */
export interface Takeovers {
  readonly ms: number[];
  /** Of those where whoever was left could write all the time. */
  readonly ofInstancesMs: number[];
}

/** @param seed also chooses the disaster, one after the other. Adds what was found to `verdict`. */
export async function clusterScenario(
  seed: number,
  site: ClusterSite,
  verdict: Verdict,
  takeovers: Takeovers,
): Promise<Disaster> {
  const random = new SeededRandom(seed);
  const disaster = DISASTERS[seed % DISASTERS.length] as Disaster;
  const users = Array.from({ length: USERS }, (_, i) => `u${seed}-${i}`);
  const tabs = await Promise.all(users.flatMap((user) => Array.from({ length: TABS }, () => site.tab(user, verdict))));
  try {
    const asked = Promise.all(
      tabs.flatMap((tab) =>
        Array.from({ length: RUNS }, () => ask(tab, random.between(100, 1_500), random.pick(MISDEEDS), random)),
      ),
    );
    // One that fails while something is struck is told of afterwards, and does not end this process before that.
    asked.catch(() => {});
    const count = random.between(5, 60);
    await until(() => tabs.some((tab) => tab.delivered.length >= count), CLUSTER_REST_MS);
    const struckAt = Date.now();
    await strike(disaster, site, random, verdict);
    const mendedAt = Date.now();
    await inTime(asked, 'the runs', CLUSTER_REST_MS).catch((error: Error) => {
      const states = tabs.map(({ client, delivered, errors }) => [client.state, delivered.length, errors.slice(-3)]);
      throw new Error(`${error.message}; the tabs: ${JSON.stringify(states)}`);
    });
    const logs = await site.judge(tabs, verdict);
    for (const { at } of logs.flat().filter(isReaped)) {
      const ms = at - (OF_LINKS.has(disaster) ? mendedAt : struckAt);
      takeovers.ms.push(ms);
      // All owners were there all the time, and an election is shorter than a lease.
      if (disaster === 'kill the leader') broke(verdict, 'R10', 'a run was taken from an owner who had it');
      // Where servers were away as well, nothing could be written before they were back.
      if (!OF_INSTANCES.has(disaster) && !OF_LINKS.has(disaster)) continue;
      takeovers.ofInstancesMs.push(ms);
      if (ms > TAKEN_OVER_MS + WRITING_MS)
        broke(verdict, 'R2', `a run that had lost its owner had no end after ${ms} ms`);
    }
    if (disaster === 'roll out another configuration') judgeRollOut(verdict, logs.flat());
  } finally {
    await Promise.all(tabs.map(({ client }) => inTime(client.close(), 'a client').catch(() => {})));
  }
  return disaster;
}

async function strike(disaster: Disaster, site: ClusterSite, random: SeededRandom, verdict: Verdict): Promise<void> {
  const member = random.pick(site.members);
  const server = random.pick(site.servers);
  switch (disaster) {
    case 'kill a backend':
      await site.kill(member);
      // It stays away for longer than others need to notice.
      await wait(TAKEN_OVER_MS);
      return site.revive(member);
    case 'kill the leader': {
      // Amid the appends of all runs: they wait for another one.
      const leader = await site.leader();
      await leader.kill();
      await wait(random.between(...CUT_MS));
      return leader.start();
    }
    case 'kill a backend and a server':
      await Promise.all([site.kill(member), server.kill()]);
      await Promise.all([site.revive(member), server.start()]);
      return;
    case 'put a backend to sleep':
      member.process.child.kill('SIGSTOP');
      await wait(ASLEEP_MS);
      member.process.child.kill('SIGCONT');
      return;
    case 'cut a backend off':
      return harmLinks(member, 'cut', random);
    case 'cut a backend off without a word':
      return harmLinks(member, 'silent', random);
    case 'let a backend hear nothing':
      return harmLinks(member, 'deaf', random);
    case 'kill two servers': {
      const others = site.servers.filter((other) => other !== server);
      await Promise.all(others.map((other) => other.kill()));
      await wait(random.between(...CUT_MS));
      await Promise.all(others.map((other) => other.start()));
      return;
    }
    case 'restart everything':
      // What instances write when the leader has changed is in the journals then, and repeated by all servers.
      await site.changeLeader();
      await Promise.all([...site.members.map((each) => site.kill(each)), ...site.servers.map((each) => each.kill())]);
      await Promise.all(site.servers.map((each) => each.start()));
      await Promise.all(site.members.map((each) => site.revive(each)));
      return;
    case 'roll out another configuration':
      await rollOut(site, verdict);
  }
}

/** One instance after the other is told to stop, and comes back with another configuration. */
async function rollOut(site: ClusterSite, verdict: Verdict): Promise<void> {
  for (const member of site.members) {
    const { code } = await site.stop(member);
    if (code !== 0) broke(verdict, 'R2', `a backend that was told to stop ended with ${code}`);
    await site.revive(member, { RUN_LIMITS: '{"perUser":3}' });
  }
}

async function harmLinks({ links }: Member, state: 'cut' | 'silent' | 'deaf', random: SeededRandom): Promise<void> {
  for (const link of links) link.become(state);
  await wait(random.between(...CUT_MS));
  for (const link of links) link.become('open');
}

/** Asks, and waits for the end, however the run ends; one that would hang is cancelled. */
async function ask(tab: Tab, thoughts: number, misdeed: Misdeed, random: SeededRandom): Promise<void> {
  const { client, user, thread } = tab;
  const isCancelled = misdeed === 'hangs' || random.chance(0.1);
  const after = random.between(2, 40);
  const run = client.run({ text: `${thoughts} ${misdeed}, canary of ${user}.`, agent: 'thinker', thread });
  const { run: id } = await run.accepted;
  const own = (): AgentEvent[] => tab.delivered.filter((event) => event.run === id);
  if (isCancelled) {
    await until(() => own().length >= Math.min(after, thoughts) || own().some(isEnd), CLUSTER_REST_MS);
    run.cancel('enough');
  }
  await run.result;
}

/** What was accepted goes to the end that its agent gives it, whoever is told to stop meanwhile. */
function judgeRollOut(verdict: Verdict, events: readonly AgentEvent[]): void {
  for (const event of events) {
    if (event.event !== 'agent_completed') continue;
    const { by, status } = event.data;
    if (status === 'interrupted') broke(verdict, 'R2', `a roll-out ended a run that was accepted, by the ${by}`);
  }
}

function isEnd({ event }: AgentEvent): boolean {
  return event === 'agent_completed';
}

function isReaped(event: AgentEvent): boolean {
  return event.event === 'agent_completed' && event.data.by === 'reaper';
}
