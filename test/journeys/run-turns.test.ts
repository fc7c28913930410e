/** Over real sockets and a store on disk, in real time: nobody waits for another's runs, and a cancel is quick. */
import { describe, expect, it } from '@jest/globals';
import * as v from 'valibot';
import { agent, type Agent, type AgentContext, defineTool, RunLimits, type RunInput } from '@muster/agents';
import type { Run } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { provideValue, sleep, systemClock } from '@muster/core';
import { expectLegal } from '../../packages/agents/test/harness.ts';
import { RawClient } from '../../packages/server/test/harness.ts';
import { wholeApp } from './whole-app.ts';

/** When the tool of each run saw its signal aborted. */
const abortedAt = new Map<string, number>();

/** Has those end that did not listen. */
const deaf: (() => void)[] = [];

const wait = defineTool({
  name: 'wait',
  description: 'waits until it is told to end, or does not listen',
  input: v.object({ isDeaf: v.boolean() }),
  run: ({ isDeaf }, { signal, run }) =>
    new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        abortedAt.set(run, performance.now());
        if (isDeaf) deaf.push(() => reject(signal.reason as Error));
        else reject(signal.reason as Error);
      });
    }),
});

@agent({ name: 'busy', description: 'does what the text says', tools: [wait] })
class Busy implements Agent {
  async run({ text }: RunInput, ctx: AgentContext) {
    if (text === 'five seconds') await sleep(systemClock, 5_000, ctx.signal);
    if (text === 'tool' || text === 'deaf tool') await ctx.tool(wait, { isDeaf: text === 'deaf tool' });
    return { finalResponse: text };
  }
}

/** Resolves when the run's tool is being executed. */
async function toolBegan(run: Run): Promise<string> {
  const accepted = await run.accepted;
  for await (const { event } of run) if (event === 'tool_executing') break;
  return accepted.run;
}

/** Its events to the terminal. */
async function eventsOf(run: Run): Promise<AgentEvent[]> {
  const events: AgentEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

describe('a user with 200 runs of five seconds', () => {
  it.each([
    ['under the default limits, where the run of another also ends at once', {}, true],
    ['that have every turn there is, where the run of another is told its place', { perUser: 8, total: 8 }, false],
  ])(
    'keeps nobody waiting for agent_started for a second, %s',
    async (_, limits, endsAtOnce) => {
      await using test = await wholeApp({ services: [Busy, provideValue(RunLimits, limits)] });
      const bob = await test.client('bob');
      const tabs = await Promise.all(Array.from({ length: 10 }, async () => test.client('ann')));
      const many = tabs.flatMap((tab) => Array.from({ length: 20 }, () => tab.run({ text: 'five seconds' })));
      await Promise.all(many.map(({ accepted }) => accepted));
      expect(test.supervisor.waitingRuns).toBeGreaterThan(150);
      const asked = performance.now();
      const other = bob.run({ text: 'hello' });
      for await (const { event } of other) if (event === 'agent_started') break;
      const startedMs = performance.now() - asked;
      if (endsAtOnce) expect(await other.result).toMatchObject({ status: 'success' });
      const endedMs = performance.now() - asked;
      expect(startedMs).toBeLessThan(1_000);
      if (endsAtOnce) expect(endedMs).toBeLessThan(1_000);
      // All at once, those that wait and those that go on.
      const cancelled = performance.now();
      for (const run of many) run.cancel('enough');
      const ends = await Promise.all(many.map(({ result }) => result));
      const cancelledMs = performance.now() - cancelled;
      expect(ends.filter(({ status }) => status === 'cancelled').length).toBeGreaterThan(150);
      expect(cancelledMs).toBeLessThan(5_000);
      expect(await other.result).toMatchObject({ status: 'success' });
    },
    30_000,
  );
});

describe('a cancel', () => {
  it('reaches the signal of the tool within 200 ms and has its terminal within a second, also of a tool that does not listen', async () => {
    await using test = await wholeApp({ services: [Busy, provideValue(RunLimits, { perUser: 40 })] });
    const client = await test.client('ann');
    // While others are busy.
    const others = await test.client('bob');
    const going = Array.from({ length: 40 }, () => others.run({ text: 'five seconds' }));
    const figures: { signalMs: number; terminalMs: number }[] = [];
    for (let i = 0; i < 20; i += 1) {
      const run = client.run({ text: i % 2 === 0 ? 'tool' : 'deaf tool' });
      const id = await toolBegan(run);
      const at = performance.now();
      run.cancel();
      expect(await run.result).toMatchObject({ status: 'cancelled', by: 'user', code: 'RUN_CANCELLED' });
      figures.push({ terminalMs: performance.now() - at, signalMs: (abortedAt.get(id) as number) - at });
    }
    const signalMs = Math.max(...figures.map((each) => each.signalMs));
    const terminalMs = Math.max(...figures.map((each) => each.terminalMs));
    expect(signalMs).toBeLessThanOrEqual(200);
    expect(terminalMs).toBeLessThanOrEqual(1_000);
    for (const end of deaf.splice(0)) end();
    for (const run of going) run.cancel();
    await Promise.all(going.map(({ result }) => result));
  }, 30_000);

  it('that comes twice, or after the end, changes nothing and is no error', async () => {
    await using test = await wholeApp({ services: [Busy] });
    const events: AgentEvent[] = [];
    const errors: unknown[] = [];
    // Two tabs of one user.
    const client = await test.client('token:ann', { onEvent: (event) => void events.push(event) });
    const raw = await RawClient.welcomed(test.url.replace('/ws', ''), 'ann');
    client.onError((error) => errors.push(error));
    const run = client.run({ text: 'tool' });
    const id = await toolBegan(run);
    for (let i = 0; i < 3; i += 1) raw.send({ type: 'cancel', run: id, reason: `time ${i}` });
    expect(await run.result).toMatchObject({ error: { message: 'The run was cancelled: time 0.' } });
    raw.send({ type: 'cancel', run: id });
    const done = client.run({ text: 'hello' });
    const { run: other } = await done.accepted;
    expect(await done.result).toMatchObject({ status: 'success' });
    raw.send({ type: 'cancel', run: other });
    await raw.roundTrip();
    await client.request('cancel', { run: other });
    for (const each of [id, other]) expectLegal(events.filter((event) => event.run === each));
    expect(raw.frames.filter(({ type }) => type === 'error')).toEqual([]);
    expect(errors).toEqual([]);
    await raw.close();
  });

  it('of a foreign run is refused, and that run goes on', async () => {
    await using test = await wholeApp({ services: [Busy] });
    const client = await test.client('ann');
    const run = client.run({ text: 'tool' });
    const id = await toolBegan(run);
    const stranger = await RawClient.welcomed(test.url.replace('/ws', ''), 'bob');
    stranger.send({ type: 'cancel', run: id });
    expect(await stranger.next('error')).toMatchObject({ code: 'RUN_NOT_FOUND' });
    expect([abortedAt.has(id), test.supervisor.activeRuns]).toEqual([false, 1]);
    run.cancel();
    expect(await run.result).toMatchObject({ status: 'cancelled' });
    await stranger.close();
  });

  it('of a run that waits for its turn ends it without its agent, and within a second', async () => {
    await using test = await wholeApp({ services: [Busy, provideValue(RunLimits, { perUser: 1 })] });
    const client = await test.client('ann');
    const first = client.run({ text: 'tool' });
    await toolBegan(first);
    const second = client.run({ text: 'tool' });
    await second.accepted;
    expect(test.supervisor.waitingRuns).toBe(1);
    const at = performance.now();
    second.cancel();
    expect(await second.result).toMatchObject({ status: 'cancelled', by: 'user', count: 3 });
    expect(performance.now() - at).toBeLessThanOrEqual(1_000);
    expectLegal(await eventsOf(second));
    expect(test.supervisor.waitingRuns).toBe(0);
    first.cancel();
    await first.result;
  });
});
