import { describe, expect, it } from '@jest/globals';
import { verifyEvents } from '@ag-ui/client';
import { EventSchema } from '@ag-ui/core/schemas';
import fc from 'fast-check';
import { from, lastValueFrom, toArray } from 'rxjs';
import { type AgentEvent, RUN, StateMachine } from '@muster/contracts';
import { type AgUiEvent, AgUiRun, toAgUi } from '@muster/client/ag-ui';

type Step =
  | { readonly kind: 'think' | 'output'; readonly text: string }
  | { readonly kind: 'tool'; readonly status: 'ok' | 'error' | 'timeout' | 'cancelled'; readonly later: boolean };

/** The events of a run that takes these steps, as the contract has them. */
function runOf(steps: readonly Step[], status: 'success' | 'failed' | 'cancelled' | 'interrupted', streams = true) {
  const events: AgentEvent[] = [];
  const machine = new StateMachine('run', RUN, 'accepted');
  const open: string[] = [];
  const add = (event: AgentEvent['event'], data: object): void => {
    machine.send(event);
    const n = events.length + 1;
    events.push({ id: `r:${n}`, event, run: 'r', n, agent: 'a', at: 1_000 + n, data } as AgentEvent);
  };
  const complete = (callId: string, ended: string): void =>
    add('tool_completed', {
      callId,
      toolName: 'probe',
      status: ended,
      durationMs: 1,
      ...(ended === 'ok' ? { result: { found: callId } } : {}),
      ...(ended === 'error' ? { error: { code: 'TOOL_FAILED', message: 'The tool probe failed.' } } : {}),
    });
  add('agent_started', { message: 'hi' });
  add('agent_thinking', { reasoning: 'takes up the question' });
  for (const [i, step] of steps.entries()) {
    if (step.kind !== 'tool') {
      if (step.kind === 'think') add('agent_thinking', { reasoning: step.text });
      else if (streams) add('agent_output', { delta: step.text });
    } else {
      add('tool_executing', { callId: `c${i}`, toolName: 'probe', parameters: { i } });
      if (step.later) open.push(`c${i}`);
      else complete(`c${i}`, step.status);
    }
  }
  for (const callId of open) complete(callId, 'abandoned');
  const error = { code: 'RUN_FAILED', message: 'The agent failed.' };
  add('agent_completed', {
    status,
    by: 'agent',
    count: events.length + 1,
    durationMs: 1,
    ...(status === 'success'
      ? { finalResponse: 'the answer', result: { n: 1 }, usage: { inputTokens: 1, odd: 'x' } }
      : { error, code: error.code }),
  });
  return events;
}

const bridged = (events: readonly AgentEvent[]): AgUiEvent[] => {
  const bridge = new AgUiRun('t', 'r');
  return events.flatMap((event) => [...bridge.next(event)]);
};

/** The verifier of AG-UI's own client, and the shapes of its events. */
async function verified(events: readonly AgUiEvent[]): Promise<void> {
  for (const event of events) EventSchema.parse(event);
  const passed = await lastValueFrom(verifyEvents()(from(events as never[])).pipe(toArray()));
  expect(passed).toHaveLength(events.length);
}

/** Ours is stricter: one beginning, one terminal, every message closed, every call with arguments and one result. */
function strictly(events: readonly AgUiEvent[]): void {
  const types = events.map(({ type }) => type);
  expect(types[0]).toBe('RUN_STARTED');
  expect(types.filter((type) => type === 'RUN_STARTED')).toHaveLength(1);
  const ends = types.filter((type) => type === 'RUN_FINISHED' || type === 'RUN_ERROR');
  expect(ends).toEqual([types.at(-1)]);
  const closed = new Set<string>();
  let open: string | undefined;
  const calls = new Map<string, string[]>();
  for (const event of events) {
    if (event.type === 'TEXT_MESSAGE_START') {
      expect([open, closed.has(event.messageId)]).toEqual([undefined, false]);
      open = event.messageId;
    } else if (event.type === 'TEXT_MESSAGE_CONTENT') expect(event.messageId).toBe(open);
    else if (event.type === 'TEXT_MESSAGE_END') {
      expect(event.messageId).toBe(open);
      closed.add(event.messageId);
      open = undefined;
    } else expect(open).toBeUndefined();
    if ('toolCallId' in event) calls.set(event.toolCallId, [...(calls.get(event.toolCallId) ?? []), event.type]);
  }
  for (const call of calls.values())
    expect(call).toEqual(['TOOL_CALL_START', 'TOOL_CALL_ARGS', 'TOOL_CALL_END', 'TOOL_CALL_RESULT']);
}

const text = fc.string({ maxLength: 8 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('think' as const, 'output' as const), text }),
  fc.record({
    kind: fc.constant('tool' as const),
    status: fc.constantFrom('ok' as const, 'error' as const, 'timeout' as const, 'cancelled' as const),
    later: fc.boolean(),
  }),
);
const status = fc.constantFrom('success' as const, 'failed' as const, 'cancelled' as const, 'interrupted' as const);

describe('a run as events of AG-UI', () => {
  it('passes their verifier and ours, whatever happens in it, from its first event and from every other one', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), status, fc.boolean(), async (steps, end, streams) => {
        const events = runOf(steps, end, streams);
        for (let from = 0; from < events.length; from += 1) {
          const made = bridged(events.slice(from));
          strictly(made);
          await verified(made);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('shows what the run has shown', () => {
    const steps: Step[] = [
      { kind: 'output', text: 'one ' },
      { kind: 'output', text: 'two' },
      { kind: 'tool', status: 'ok', later: false },
      { kind: 'tool', status: 'error', later: false },
    ];
    const made = bridged(runOf(steps, 'success'));
    const deltas = made.flatMap((event) => (event.type === 'TEXT_MESSAGE_CONTENT' ? [event.delta] : []));
    expect(deltas).toEqual(['one ', 'two']);
    expect(made).toContainEqual(expect.objectContaining({ type: 'TOOL_CALL_ARGS', delta: '{"i":2}' }));
    const results = made.flatMap((event) => (event.type === 'TOOL_CALL_RESULT' ? [event.content] : []));
    expect(results).toEqual(['{"found":"c2"}', 'The tool probe failed.']);
    expect(made.at(-1)).toEqual({
      type: 'RUN_FINISHED',
      threadId: 't',
      runId: 'r',
      outcome: { type: 'success' },
      result: { n: 1 },
      usage: [{ inputTokens: 1 }],
      timestamp: expect.any(Number),
    });
  });

  it('says the final response where nothing was streamed, and how a run ended that did not end well', () => {
    const quiet = bridged(runOf([], 'success'));
    expect(quiet).toContainEqual(expect.objectContaining({ type: 'TEXT_MESSAGE_CONTENT', delta: 'the answer' }));
    expect(bridged(runOf([], 'cancelled')).at(-1)).toMatchObject({
      type: 'RUN_FINISHED',
      outcome: { type: 'cancelled' },
    });
    for (const end of ['failed', 'interrupted'] as const)
      expect(bridged(runOf([], end)).at(-1)).toMatchObject({ type: 'RUN_ERROR', code: 'RUN_FAILED' });
  });

  it('is picked out of a stream with other runs, and ends with its own terminal', async () => {
    const own = runOf([{ kind: 'output', text: 'x' }], 'success');
    const other = own.map((event): AgentEvent => ({ ...event, run: 'other', id: `other:${event.n}` }));
    async function* stream() {
      for (const [i, event] of own.entries()) yield* [other[i] as AgentEvent, event];
      throw new Error('nobody asks for more');
    }
    const made: AgUiEvent[] = [];
    for await (const event of toAgUi('t', stream(), 'r')) made.push(event);
    expect(made).toEqual(bridged(own));
  });
});
