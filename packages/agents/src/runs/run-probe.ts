/**
 * The deep check of runs: a whole run of a built-in agent, from the registry to what a subscriber of the log is given.
 *
 * It is made for nobody, by an agent that no request can ask for and no model answers, and leaves nothing behind.
 */
import type { AgentEvent } from '@muster/contracts';
import {
  type Batch,
  EventLog,
  gated,
  type Gated,
  type ProbeContext,
  Random,
  type Service,
  service,
  streamOf,
} from '@muster/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { agent, type Agent, type AgentContext, type RunInput, type RunResult } from '../agents/agent.ts';
import { AgentRegistry, PROBE_AGENT } from '../agents/agent-registry.ts';
import { defineTool } from '../tools/define-tool.ts';
import { ExecutionEngineFactory } from './execution-engine-factory.ts';

const anyText: StandardSchemaV1<{ readonly text: string }> = {
  '~standard': { version: 1, vendor: 'muster', validate: (value) => ({ value: value as { readonly text: string } }) },
};

const echo = defineTool({
  name: 'echo',
  description: 'gives back what it is given',
  input: anyText,
  run: ({ text }) => text,
});

/** Does once what agents do. */
@agent({ name: PROBE_AGENT, description: 'tries the way that runs take', tools: [echo] })
export class ProbeAgent implements Agent {
  async run({ text }: RunInput, ctx: AgentContext): Promise<RunResult> {
    ctx.output(text);
    return { finalResponse: await ctx.tool(echo, { text }) };
  }
}

/** What a probe has to see, in this order. */
const EXPECTED = [
  'agent_started',
  'agent_thinking',
  'agent_output',
  'tool_executing',
  'tool_completed',
  'agent_completed',
];

@service({ dependsOn: [AgentRegistry, gated(ExecutionEngineFactory), EventLog, Random] })
export class RunProbe implements Service {
  readonly #registry: AgentRegistry;
  readonly #engines: Gated<ExecutionEngineFactory>;
  readonly #log: EventLog;
  readonly #random: Random;
  /** One for the life of the process: a stream that was dropped is still known by its name. */
  #thread: string | undefined;

  constructor(registry: AgentRegistry, engines: Gated<ExecutionEngineFactory>, log: EventLog, random: Random) {
    this.#registry = registry;
    this.#engines = engines;
    this.#log = log;
    this.#random = random;
  }

  /** Runs once, and looks at what reached the log and whoever listens to it. */
  async probe({ principal, permit, signal }: ProbeContext): Promise<void> {
    const run = this.#random.uuid();
    const thread = (this.#thread ??= this.#random.uuid());
    const stream = streamOf(principal, thread);
    const seen = new Seen(run);
    const subscription = this.#log.subscribe(stream, (batch) => seen.add(batch));
    try {
      const input = { text: `probe ${run}`, thread, history: [] };
      const { engine, recorder } = this.#engines
        .get(permit)
        .create(run, this.#registry.probeAgent, { permit, principal, input }, () =>
          Promise.reject(new Error('a probe asks nobody for help')),
        );
      const interrupt = (): void => engine.interrupt();
      signal.addEventListener('abort', interrupt, { once: true });
      try {
        await recorder.accept(input.text, 'Looking whether everything works');
        const { status, code } = await engine.execute(Promise.resolve());
        if (status !== 'success')
          throw new Error(`the run of a probe ended ${status}${code === undefined ? '' : `, ${code}`}`);
      } finally {
        signal.removeEventListener('abort', interrupt);
        await engine.closeScope();
      }
      await seen.all(signal);
      await this.#expectStored(stream, run);
    } finally {
      subscription.close();
      await this.#log.drop(stream);
    }
  }

  async #expectStored(stream: string, run: string): Promise<void> {
    const { batches } = await this.#log.read(stream, { after: 0 });
    const stored = new Seen(run);
    for (const batch of batches) stored.add(batch);
    if (!stored.isWhole) throw new Error(`the log has kept ${stored.text} of a probe`);
  }
}

/** The events of a probe that came to somebody; those of one before it, which was given up, are none of them. */
class Seen {
  readonly #run: string;
  readonly #events: string[] = [];
  #look: () => void = () => {};

  constructor(run: string) {
    this.#run = run;
  }

  get isWhole(): boolean {
    return this.#events.length === EXPECTED.length && EXPECTED.every((event, i) => event === this.#events[i]);
  }

  get text(): string {
    return this.#events.length === 0 ? 'nothing' : this.#events.join(', ');
  }

  add({ json }: Batch): void {
    for (const { event, run } of JSON.parse(json.toString('utf8')) as AgentEvent[])
      if (run === this.#run) this.#events.push(event);
    this.#look();
  }

  /** Resolves when there are as many as there should be; they have to be the right ones. */
  async all(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const give = (): void => reject(new Error(`a subscriber of the log was given ${this.text} of a probe`));
      signal.addEventListener('abort', give, { once: true });
      this.#look = () => {
        if (this.#events.length < EXPECTED.length) return;
        signal.removeEventListener('abort', give);
        resolve();
      };
      this.#look();
    });
    if (!this.isWhole) throw new Error(`a subscriber of the log was given ${this.text} of a probe`);
  }
}
