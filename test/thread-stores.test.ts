/** Threads on the embedded storage: the same suite as in memory, and again after the directory was opened anew. */
import { afterAll, describe, it } from '@jest/globals';
import { KeyValueThreadStore } from '@muster/agents';
import { threadStoreConformance } from '@muster/core/testing';
import { opened, removeAll } from '../packages/lmdb/test/harness.ts';

afterAll(removeAll);

describe('KeyValueThreadStore on LMDB', () => {
  it.each(threadStoreConformance())('$name', (each) =>
    each.run(async () => {
      let test = await opened();
      return {
        threads: new KeyValueThreadStore(test.store),
        reopen: async () => {
          await test.close();
          test = await opened(test.settings);
          return new KeyValueThreadStore(test.store);
        },
        close: () => test.close(),
      };
    }),
  );
});
