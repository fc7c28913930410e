/**
 * What a user of the packed packages writes, in plain JavaScript: boots an app, asks its agent over a WebSocket, stops.
 *
 * Says `ok` at the end; a run that goes wrong anywhere throws or never gets there.
 */
import assert from 'node:assert/strict';
import { agent, agents, AgentSupervisor, defineTool, runMethods } from '@muster/agents';
import { connect } from '@muster/client';
import { createApp, healthy, provide, service } from '@muster/core';
import { Authenticator, ConnectionPool, webSocketFactory, webSocketServer } from '@muster/server';
import * as v from 'valibot';
import { WebSocket } from 'ws';

class Greetings {
  #words = '';
  async start() {
    this.#words = 'Hello';
  }
  check() {
    return healthy;
  }
  greet(name) {
    return `${this.#words}, ${name}!`;
  }
}
service()(Greetings);

const greet = defineTool({
  name: 'greet',
  description: 'Greets somebody.',
  input: v.object({ name: v.string() }),
  run: ({ name }) => name.toUpperCase(),
});

class Greeter {
  constructor(greetings) {
    this.greetings = greetings;
  }
  async run({ text }, ctx) {
    return { finalResponse: this.greetings.greet(await ctx.tool(greet, { name: text })) };
  }
}
agent({ name: 'greeter', description: 'Greets', dependsOn: [Greetings], tools: [greet] })(Greeter);

class Names {
  authenticate({ token }) {
    return { user: token };
  }
}
service()(Names);

class Front {
  constructor(supervisor, greetings) {
    this.supervisor = supervisor;
    this.greetings = greetings;
  }
  open(session) {
    const hello = () => this.greetings.greet(session.principal.user);
    return { methods: { ...runMethods(this.supervisor, session), hello } };
  }
}
webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor, Greetings] })(Front);

const server = webSocketServer({ port: 0 });
const app = createApp({
  services: [Front, Greeter, Greetings, ...agents(), ConnectionPool, provide(Authenticator, Names)],
  server,
});
await app.start();
assert.match(String(app.graph()), /AgentSupervisor/);

const client = await connect({ url: `${server.url.replace('http', 'ws')}/ws`, token: 'Ann', WebSocket });
assert.equal(await client.request('hello', {}), 'Hello, Ann!');
const run = client.run('Bob');
const events = [];
for await (const { event } of run) events.push(event);
assert.deepEqual(events, ['agent_started', 'agent_thinking', 'tool_executing', 'tool_completed', 'agent_completed']);
assert.deepEqual([(await run.result).status, (await run.result).finalResponse], ['success', 'Hello, BOB!']);

const lost = new Promise((resolve) => client.onState(({ lastClose }) => lastClose && resolve(lastClose.code)));
const { hung } = await app.stop();
assert.deepEqual(hung, []);
assert.equal(await lost, 4201);
await client.close();
assert.equal((await client.closed).code, 1000);
console.log('ok');
