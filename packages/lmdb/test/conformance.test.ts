import { afterAll, describe, it } from '@jest/globals';
import { eventLogConformance, keyValueStoreConformance } from '@muster/core/testing';
import { opened, removeAll } from './harness.ts';

afterAll(removeAll);

const KEEP_MS = 60_000;

const cases = eventLogConformance();

describe.each([
  ['that indexes its newest events when they are many', {}],
  ['that indexes all of them at once', { tailBytes: 1 }],
])('LmdbEventLog %s', (_, options) => {
  it.each(cases)('$name', async (each) => {
    await each.run(async (limits = {}) => {
      let test = await opened({ ...limits, ...options, keepMs: KEEP_MS });
      const { clock } = test;
      return {
        log: test.log,
        keepMs: KEEP_MS,
        advance: async (ms) => {
          await clock.advance(ms);
          await test.log.sweep();
        },
        reopen: async () => {
          await test.close();
          test = await opened(test.settings, clock);
          return test.log;
        },
        close: () => test.close(),
      };
    });
  });
});

describe('LmdbKeyValueStore', () => {
  it.each(keyValueStoreConformance())('$name', async (each) => {
    await each.run(async () => {
      let test = await opened();
      return {
        store: test.store,
        reopen: async () => {
          await test.close();
          test = await opened(test.settings);
          return test.store;
        },
        close: () => test.close(),
      };
    });
  });
});
