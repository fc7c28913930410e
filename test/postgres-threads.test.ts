/** An app with agents whose threads lie in PostgreSQL: it answers, and the next one finds what it has said. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import {
  agent,
  type Agent,
  type AgentContext,
  agents,
  AgentSupervisor,
  type RunInput,
  ThreadService,
} from '@muster/agents';
import { createApp, EventLog, principalOf, streamOf } from '@muster/core';
import { eventsIn } from '@muster/core/testing';
import { postgres, PostgresThreadStore } from '@muster/postgres';
import { Server, withServer } from '../packages/postgres/test/server.ts';

jest.setTimeout(30_000);

@agent({ name: 'parrot', description: 'says it again, and how much was said before' })
class Parrot implements Agent {
  async run({ text, history }: RunInput, ctx: AgentContext) {
    ctx.output(text);
    return { finalResponse: `${text} (after ${history.length})` };
  }
}

withServer('agents with threads in PostgreSQL', () => {
  let server: Server;
  let url: string;
  beforeAll(async () => {
    server = await Server.make();
    await server.start();
    url = server.url(await server.database());
  });
  afterAll(() => server?.remove());

  const make = () =>
    createApp({ services: [Parrot, ...agents({ threadStore: PostgresThreadStore }), ...postgres({ url })] });
  const ann = principalOf('ann');

  /** Asks and waits for the end of the run. */
  async function ask(app: ReturnType<typeof make>, text: string): Promise<void> {
    const ended = new Promise<void>((resolve) => {
      app.get(EventLog).subscribe(streamOf(ann, 't'), (batch) => {
        if (eventsIn(batch).some(({ event }) => event === 'agent_completed')) resolve();
      });
    });
    const requester = { principal: ann, permit: await app.gate.enter(), follow: async () => {} };
    await app.get(AgentSupervisor).accept(requester, { text, thread: 't' });
    await ended;
  }

  it('answer a run, and find the thread again after a restart of the app and of the server', async () => {
    const first = make();
    await first.start();
    await ask(first, 'hello \0 \\ 😀');
    await first.stop();
    await server.kill();
    await server.start();

    const second = make();
    await second.start();
    const [before] = await second.get(ThreadService).list(ann);
    expect(before).toMatchObject({ id: 't', title: 'hello \0 \\ 😀' });
    await ask(second, 'again');
    // An answer is stored after it was shown; a stop waits for that.
    await second.stop();

    await using third = make();
    await third.start();
    const said = (await third.get(ThreadService).messages(ann, 't')).map(({ content, status }) => [content, status]);
    expect(said).toEqual([
      ['hello \0 \\ 😀', 'success'],
      ['hello \0 \\ 😀 (after 0)', 'success'],
      ['again', 'success'],
      ['again (after 2)', 'success'],
    ]);
    await expect(third.get(ThreadService).messages(principalOf('bob'), 't')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
    });
  });
});
