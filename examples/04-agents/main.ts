/** An agent with a tool, a second agent that helps, a limit, and a client that asks, watches, cancels and comes back. */
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  defineTool,
  RunLimits,
  type RunInput,
  runMethods,
  threadMethods,
  ThreadService,
} from '@muster/agents';
import { connect } from '@muster/client';
import { createApp, provide, provideValue, service, sleep, systemClock } from '@muster/core';
import {
  Authenticator,
  ConnectionPool,
  type Session,
  webSocketFactory,
  type WebSocketFactory,
  webSocketServer,
} from '@muster/server';
import * as v from 'valibot';
import { WebSocket } from 'ws';

const weather = defineTool({
  name: 'weather',
  description: 'Tells the weather of a city.',
  input: v.object({ city: v.pipe(v.string(), v.minLength(2)) }), // any Standard Schema: valibot, zod, arktype
  timeoutMs: 2_000,
  run: ({ city }, { user }) => ({ city, sky: 'clear', degrees: 21, apiKey: 'do-not-show-this', askedBy: user }),
});

@agent({ name: 'guide', description: 'Answers questions about the weather', tools: [weather] })
class Guide implements Agent {
  async run({ text, history }: RunInput, ctx: AgentContext) {
    await ctx.think(`There are ${history.length} messages before this one`, { step: 1, totalSteps: 2 });
    if (text === 'wait') await sleep(systemClock, 60_000, ctx.signal); // ends at once when the run is cancelled
    const { sky, degrees } = await ctx.tool(weather, { city: text });
    const { finalResponse } = await ctx.delegate('poet', `${sky}, ${degrees} degrees`);
    for (const word of `${finalResponse}`.split(/(?<= )/)) ctx.output(word);
    return { finalResponse: `${finalResponse}`, usage: { tokens: 42 } };
  }
}

@agent({ name: 'poet', description: 'Says things nicely' })
class Poet implements Agent {
  run({ text }: RunInput) {
    return { finalResponse: `A ${text} kind of day` };
  }
}

@service()
class Names implements Authenticator {
  authenticate({ token }: { token: string }) {
    return { user: token };
  }
}

@webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor, ThreadService] })
class Front implements WebSocketFactory {
  constructor(
    private readonly supervisor: AgentSupervisor,
    private readonly threads: ThreadService,
  ) {}
  open(session: Session) {
    const { supervisor, threads } = this;
    return { methods: { ...runMethods(supervisor, session), ...threadMethods(threads, supervisor, session) } };
  }
}

const server = webSocketServer({ port: 0 });
const app = createApp({
  services: [
    Guide,
    Poet,
    Front,
    ...agents(), // and ...lmdb({ directory }) or ...postgres({ url }) to keep what is said
    ConnectionPool,
    provide(Authenticator, Names),
    provideValue(RunLimits, { perUser: 1 }),
  ],
  server,
});
await app.start();

const client = await connect({ url: `${server.url.replace('http', 'ws')}/ws`, token: 'ann', WebSocket });
const run = client.run({ text: 'Bern', agent: 'guide' });
for await (const event of run) console.log(event.n, event.event, JSON.stringify(shown(event.data)));
const { status, finalResponse } = await run.result;
console.log(`${status}: ${finalResponse}`);

const { thread } = await run.accepted;
const first = client.run({ text: 'wait', thread });
const second = client.run({ text: 'Rome', thread });
await first.accepted;
for await (const { event, data } of second) {
  if (event === 'agent_started') console.log(`the second waits at place ${data.queuePosition}`);
  first.cancel('somebody else is waiting');
}
console.log(`the first was ${(await first.result).status}, the second ended with ${(await second.result).status}`);

const { threads } = await client.request<{ threads: { title: string }[] }>('threads', {});
const { messages } = await client.request<{ messages: { role: string; status: string }[] }>('threads.messages', {
  thread,
});
console.log(
  threads.map(({ title }) => title).join(),
  messages.map(({ role, status }) => `${role} ${status}`).join(', '),
);

await client.close();
await app.stop();

/** Without what differs from run to run. */
function shown(data: object): object {
  return Object.fromEntries(Object.entries(data).filter(([name]) => name !== 'callId' && name !== 'durationMs'));
}
