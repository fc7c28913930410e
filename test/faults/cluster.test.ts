/** The short form of the faults of a cluster: a backend dies, and a server, and nobody misses anything. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it, jest } from '@jest/globals';
import { withNats } from '../../packages/nats/test/with-nats.ts';
import { root } from '../journeys/process.ts';
import { NOTHING } from './ledger.ts';

jest.setTimeout(240_000);

withNats('npm run faults -- --cluster', () => {
  it('loses, doubles and mixes up nothing when a backend is killed, and a server of NATS', async () => {
    const args = ['scripts/faults.mjs', '--cluster', '--runs', '2', '--seed', '0', '--json'];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: root });
    const { events, ...found } = JSON.parse(stdout.trim().split('\n').at(-1) as string) as {
      events: number;
    };
    expect(events).toBeGreaterThan(300);
    expect(found).toEqual({
      runs: 2,
      ...NOTHING,
      stuck: 0,
      takeovers: expect.any(Object),
    });
  });
});
