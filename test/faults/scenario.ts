/**
 * One run of the faults: a real server, real clients behind a proxy that harms their connections, and sometimes kill -9.
 */
import { SeededRandom } from '@muster/core/testing';
import type { AgentEvent } from '@muster/contracts';
import { MISDEEDS, type Misdeed } from './agents.ts';
import { faultsFrom, type ScheduleOptions } from './fault.ts';
import type { Verdict } from './ledger.ts';
import { Site, type Tab } from './site.ts';
import { inTime, until } from './waiting.ts';

const USERS = ['ann', 'bob'];
const TABS = 2;
const RUNS = 2;
/** Connections that come to harm; what comes after them is left alone, so that everything can come to rest. */
const HARMED = 10;
const OPTIONS: ScheduleOptions = {
  handshakeBytes: 600,
  mostBytes: 20_000,
  mostStallMs: 300,
  bytesPerSecond: [2_000, 50_000],
  connections: HARMED,
};

/** @param backend the bundled backend. Adds what was found to `verdict`. */
export async function scenario(seed: number, backend: string, verdict: Verdict): Promise<void> {
  const random = new SeededRandom(seed);
  await using site = await Site.open({ backend, verdict, faults: faultsFrom(seed, OPTIONS) });
  const tabs = await Promise.all(USERS.flatMap((user) => Array.from({ length: TABS }, () => site.tab(user))));
  const asked = tabs.flatMap((tab) =>
    Array.from({ length: RUNS }, () => ask(tab, random.between(5, 120), random.pick(MISDEEDS), random)),
  );
  if (random.chance(0.5)) {
    // In the middle of it all: when so much has been delivered to somebody.
    const count = random.between(1, 60);
    await until(() => tabs.some((tab) => tab.delivered.length >= count));
    await site.restart();
  }
  await inTime(Promise.all(asked), `the runs of seed ${seed}`);
  await site.judge();
}

/** Asks, and waits for the end, however the run ends; one that would hang, and now and then another, is cancelled. */
async function ask(tab: Tab, thoughts: number, misdeed: Misdeed, random: SeededRandom): Promise<void> {
  const { client, user, thread } = tab;
  const cancelAfter = misdeed === 'hangs' || random.chance(0.1) ? random.between(2, 60) : undefined;
  const run = client.run({ text: `${thoughts} ${misdeed}, canary of ${user}.`, agent: 'thinker', thread });
  const { run: id } = await run.accepted;
  if (cancelAfter !== undefined) {
    const own = (): number => tab.delivered.filter((event) => event.run === id).length;
    await until(() => own() >= Math.min(cancelAfter, thoughts) || tab.delivered.some((event) => isEnd(event, id)));
    run.cancel('enough');
  }
  await run.result;
}

function isEnd(event: AgentEvent, run: string): boolean {
  return event.run === run && event.event === 'agent_completed';
}
