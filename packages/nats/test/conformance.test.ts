/** Both ports keep what their suites demand, on a real nats-server. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { AgentEvent, Timer } from '@muster/contracts';
import type { Batch, KeyValueChange } from '@muster/core';
import { eventLogConformance, keyValueStoreConformance } from '@muster/core/testing';
import { LOOK_AGAIN_MS } from '../src/live-feed.ts';
import { MovedClock, opened } from './harness.ts';
import { NatsServer } from '../../../test/fixtures/nats-servers.ts';
import { withNats } from './with-nats.ts';

jest.setTimeout(30_000);

const KEEP_MS = 60_000;
const data = { reasoning: 'a thought' };
const event: AgentEvent = { id: 'r:1', event: 'agent_thinking', run: 'r', n: 1, agent: 'a', at: 0, data };

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

  it('hears of what another instance writes when that is stored, and not only when it looks again', async () => {
    /** On which nobody looks again. */
    class Patient extends MovedClock {
      override schedule(delayMs: number, callback: () => void): Timer {
        return LOOK_AGAIN_MS.some((ms) => ms === delayMs) ? { cancel() {} } : super.schedule(delayMs, callback);
      }
    }
    const writer = await opened({ servers: server.url });
    const other = await opened({ ...writer.settings, servers: server.url }, new Patient());
    // Of one replica nobody can say that it is on several machines.
    expect(writer.log.durability).toBe('memory');
    const heard = new Promise<Batch>((resolve) => other.log.subscribe('s', resolve));
    const changed = new Promise<KeyValueChange>((resolve) => other.store.watch('k', resolve));
    // What it has to know before it can follow.
    await Promise.all([other.log.info('s'), other.store.list('k')]);
    await writer.log.append('s', [event]);
    await writer.store.create('k', 1);
    expect([await heard, await changed]).toMatchObject([
      { offset: 1, count: 1 },
      { key: 'k', value: 1 },
    ]);
    await Promise.all([writer.close(), other.close()]);
  });

  it('takes no stream and no key for its own marks', async () => {
    let test = await opened({ servers: server.url });
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
