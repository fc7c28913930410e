/**
 * An agent that does what a drill asks for, and says on the output of its process what it was told.
 *
 * Its steps are numbered in their texts, so that their order can be read from the log.
 */
import { agent, type Agent, type AgentContext, defineTool, type RunInput, type RunResult } from '@muster/agents';
import { MusterError } from '@muster/contracts';
import * as v from 'valibot';

/** Given to tools and thrown by them; no client may ever be sent it. */
export const SECRET = process.env['SECRET'] ?? 'no secret was given';

const step = v.object({ text: v.string(), apiKey: v.string() });
/** Longer than any drill. */
const FOREVER_MS = 60_000;
/** How often a zombie tries to go on. */
const TRIES = 50;

const takesNotes = defineTool({
  name: 'takes notes',
  description: 'returns what it was given, and a secret',
  input: step,
  run: ({ text }) => ({ text, dbPassword: SECRET, nested: { authToken: [SECRET] } }),
});
const fails = defineTool({
  name: 'fails',
  description: 'throws a secret with a path',
  input: step,
  run: () => Promise.reject(new Error(`/srv/app/${SECRET}/db.ts could not be opened`)),
});
const listens = defineTool({
  name: 'listens',
  description: 'waits for its signal',
  input: step,
  timeoutMs: FOREVER_MS,
  run: (_, { signal, run }) =>
    new Promise<never>((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        say(`aborted ${run} ${Date.now()}`);
        reject(new Error('stopped as it was told'));
      });
    }),
});
const ignores = defineTool({
  name: 'ignores',
  description: 'does not listen to its signal',
  input: step,
  timeoutMs: FOREVER_MS,
  run: () => new Promise<never>(() => {}),
});

/** What runs wait for until another run lets them. */
const latches = new Map<string, { readonly opened: Promise<void>; readonly open: () => void }>();

function latch(name: string): { readonly opened: Promise<void>; readonly open: () => void } {
  let known = latches.get(name);
  if (known === undefined) {
    let open!: () => void;
    const opened = new Promise<void>((resolve) => (open = resolve));
    known = { opened, open };
    latches.set(name, known);
  }
  return known;
}

/** The output of a process that is killed has all of it: a pipe is written at once. */
function say(line: string): void {
  process.stdout.write(`\n${line}\n`);
}

/** Does what the first word of its question says. */
@agent({ name: 'worker', description: 'does what a drill asks for' })
export class Worker implements Agent {
  async run({ text }: RunInput, ctx: AgentContext): Promise<RunResult> {
    const [deed, name = ''] = text.split(/[ ,]/) as [string, string | undefined];
    const given = { text, apiKey: SECRET };
    switch (deed) {
      case 'works':
        await this.#work(text, ctx);
        break;
      case 'waits-for':
        await Promise.race([latch(name).opened, aborted(ctx.signal)]);
        break;
      case 'lets':
        latch(name).open();
        break;
      case 'listens':
        await ctx.tool(listens, given);
        break;
      case 'ignores':
        await ctx.tool(ignores, given);
        break;
      case 'breaks-the-rules':
        await this.#breakRules(ctx);
        break;
      case 'goes-on':
        await this.#goOn(text, ctx);
        break;
      default:
        throw new Error(`/srv/app/${SECRET}: nobody has taught me to do "${deed}"`);
    }
    return { finalResponse: `the end of ${text}` };
  }

  /** A dozen events and those of a helper; each is awaited, and told when it is recorded. */
  async #work(text: string, ctx: AgentContext): Promise<void> {
    let n = 0;
    const next = (): string => {
      n += 1;
      return `#${n}# of ${text}`;
    };
    const recorded = async (work: Promise<unknown>): Promise<void> => {
      const own = n;
      // A full disk and a tool that fails are no reason to give up.
      await work.then(
        () => say(`recorded ${ctx.run} #${own}#`),
        () => {},
      );
    };
    await recorded(ctx.think(next()));
    await recorded(ctx.think(next(), { step: 1, totalSteps: 2 }));
    await recorded(ctx.tool(takesNotes, { text: next(), apiKey: SECRET }));
    ctx.output(next());
    await recorded(ctx.think(next()));
    ctx.output(next());
    await recorded(ctx.drain());
    await recorded(ctx.tool(fails, { text: next(), apiKey: SECRET }));
    await recorded(ctx.delegate('zealous helper', next()));
    await recorded(ctx.think(next()));
  }

  /** Emits what is no event, and takes no notice of how that is taken, but for saying so. */
  async #breakRules(ctx: AgentContext): Promise<void> {
    await ctx.think('begins to break the rules');
    await ctx.tool({ name: 'made by hand' } as never, {}).then(
      () => say(`refused ${ctx.run} nothing`),
      (error: unknown) => say(`refused ${ctx.run} ${error instanceof MusterError ? error.code : String(error)}`),
    );
  }

  /** A zombie: thinks on when its run has ended, and says how that was taken. */
  async #goOn(text: string, ctx: AgentContext): Promise<void> {
    await ctx.think(`begins to go on, of ${text}`);
    await aborted(ctx.signal).catch(() => {});
    try {
      for (let n = 0; n < TRIES; n += 1) await ctx.think(`too late of ${text}`);
      say(`refused ${ctx.run} nothing`);
    } catch (error) {
      say(`refused ${ctx.run} ${error instanceof MusterError ? error.code : String(error)}`);
    }
  }
}

/** The same, and its runs end with the last connection of their user. */
@agent({ name: 'loyal worker', description: 'works while somebody is there', onDisconnect: { cancelAfterMs: 0 } })
export class LoyalWorker implements Agent {
  run(input: RunInput, ctx: AgentContext): Promise<RunResult> {
    return new Worker().run(input, ctx);
  }
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    else signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}
