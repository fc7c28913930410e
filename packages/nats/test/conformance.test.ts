/** Both ports keep what their suites demand, on a real nats-server. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { eventLogConformance, keyValueStoreConformance } from '@muster/core/testing';
import { opened } from './harness.ts';
import { NatsServer } from '../../../test/fixtures/nats-servers.ts';
import { withNats } from './with-nats.ts';

jest.setTimeout(30_000);

const KEEP_MS = 60_000;

withNats('on a real nats-server', () => {
  let server: NatsServer;
  beforeAll(async () => {
    server = await NatsServer.make();
    await server.start();
  });
  afterAll(() => server.remove());

  it.each(eventLogConformance())('NatsEventLog: $name', async (each) => {
    await each.run(async (limits = {}) => {
      let test = await opened({ servers: server.url, keepMs: KEEP_MS, ...limits });
      return {
        log: test.log,
        keepMs: KEEP_MS,
        advance: async (ms) => {
          test.clock.move(ms);
          await test.log.sweep();
        },
        reopen: async () => {
          await test.close();
          test = await opened({ ...test.settings, servers: server.url }, test.clock);
          return test.log;
        },
        close: () => test.close(),
      };
    });
  });

  it('takes no stream and no key for its own marks', async () => {
    let test = await opened({ servers: server.url });
    const data = { reasoning: 'a thought' };
    const event: AgentEvent = { id: 'r:1', event: 'agent_thinking', run: 'r', n: 1, agent: 'a', at: 0, data };
    await test.log.append('mark', [event]);
    await Promise.all(['@mark', '//mark', 'mark'].map((key) => test.store.create(key, key)));
    await test.close();
    test = await opened({ ...test.settings, servers: server.url });
    expect((await test.log.info('mark')).top).toBe(1);
    expect((await test.log.read('mark', { after: 0 })).batches).toHaveLength(1);
    expect((await test.store.list('')).map(({ key }) => key)).toEqual(['//mark', '@mark', 'mark']);
    await test.close();
  });

  it.each(keyValueStoreConformance())('NatsKeyValueStore: $name', async (each) => {
    await each.run(async () => {
      let test = await opened({ servers: server.url });
      return {
        store: test.store,
        reopen: async () => {
          await test.close();
          test = await opened({ ...test.settings, servers: server.url }, test.clock);
          return test.store;
        },
        close: () => test.close(),
      };
    });
  });
});
