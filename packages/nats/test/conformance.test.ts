/** Both ports keep what their suites demand, on a real nats-server. */
import { afterAll, beforeAll, it, jest } from '@jest/globals';
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
