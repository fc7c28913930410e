/** A real app with agents that a test writes inline, and the log as it is. */
import { randomUUID } from 'node:crypto';
import { expect } from '@jest/globals';
import { AgentEvent, type EndedBy, RUN, type RunStatus, StateMachine, TOOL } from '@muster/contracts';
import * as v from 'valibot';
import {
  type Class,
  createApp,
  EventLog,
  principalOf,
  type Random,
  type Registration,
  type RuntimeEvent,
  streamOf,
  systemRandom,
} from '@muster/core';
import { eventsIn, FakeClock } from '@muster/core/testing';
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  type Requester,
  type RunInput,
  type RunResult,
} from '@muster/agents';

export type Body = (ctx: AgentContext, input: RunInput) => RunResult | Promise<RunResult>;

/** What a terminal says. */
export interface End {
  readonly status: RunStatus;
  readonly by: EndedBy;
  readonly code?: string;
}

/** The app, and ways to ask it. */
export async function withAgent(body: Body, services: readonly (Class | Registration)[] = []) {
  @agent({ name: 'tester', description: 'does what the test says' })
  class Tester implements Agent {
    run(input: RunInput, ctx: AgentContext): RunResult | Promise<RunResult> {
      return body(ctx, input);
    }
  }
  const clock = new FakeClock();
  const random: Random = systemRandom;
  const faults: unknown[] = [];
  const app = createApp({
    services: [Tester, ...agents(), ...services],
    clock,
    random,
  });
  app.events.on((event: RuntimeEvent) => {
    if (event.type === 'fault') faults.push(event.error);
  });
  await app.start();
  const supervisor = app.get(AgentSupervisor);
  const log = app.get(EventLog);
  const requesterOf = async (user: string): Promise<Requester> => ({
    principal: principalOf(user),
    permit: await app.gate.enter(),
    follow: async () => {},
  });
  const eventsOf = async (thread: string, user = 'ann'): Promise<readonly AgentEvent[]> =>
    (
      await log.read(streamOf(principalOf(user), thread), { after: 0, maxBytes: Number.POSITIVE_INFINITY })
    ).batches.flatMap(eventsIn);
  return {
    app,
    clock,
    log,
    faults,
    supervisor,
    requesterOf,
    eventsOf,
    /** Accepts a run; its events can be awaited to the terminal. */
    async ask(text = 'hi', { user = 'ann', thread = randomUUID() as string } = {}) {
      const ends: AgentEvent[] = [];
      let look = (): void => {};
      log.subscribe(streamOf(principalOf(user), thread), (batch) => {
        ends.push(...eventsIn(batch).filter(({ event }) => event === 'agent_completed'));
        look();
      });
      const accepted = await supervisor.accept(await requesterOf(user), { text, thread });
      const terminal = new Promise<AgentEvent>((resolve) => {
        look = () => {
          const own = ends.find(({ run }) => run === accepted.run);
          if (own !== undefined) resolve(own);
        };
        look();
      });
      return { ...accepted, user, terminal, events: () => eventsOf(thread, user) };
    },
    [Symbol.asyncDispose]: async () => {
      const stopping = app.stop();
      await clock.advance(9_000);
      await stopping;
    },
  };
}

export const names = (events: readonly AgentEvent[]): string[] => events.map(({ event }) => event);

/** The formal contract, walked over one run's events. */
export function expectLegal(events: readonly AgentEvent[]): void {
  const run = new StateMachine('run', RUN, 'accepted');
  const tools = new Map<string, StateMachine<typeof TOOL>>();
  events.forEach((event, i) => {
    expect(v.safeParse(AgentEvent, event).success).toBe(true);
    expect([event.n, event.id]).toEqual([i + 1, `${event.run}:${i + 1}`]);
    run.send(event.event);
    if (event.event === 'tool_executing') {
      expect(tools.has(event.data.callId)).toBe(false);
      tools.set(event.data.callId, new StateMachine('tool', TOOL, 'requested'));
    }
    if (event.event === 'tool_executing' || event.event === 'tool_completed')
      tools.get(event.data.callId)!.send(event.event);
    if (event.event === 'agent_completed') expect(event.data.count).toBe(events.length);
  });
  expect(run.state).toBe('completed');
  for (const call of tools.values()) expect(call.state).toBe('completed');
  expect(names(events).slice(0, 2)).toEqual(['agent_started', 'agent_thinking']);
}

export function deferred<T = void>() {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
