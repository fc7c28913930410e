/** Several processes and one directory: kill -9, a second process, locks of the dead, a full disk. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { join } from 'node:path';
import { systemRandom } from '@muster/core';
import { eventsIn, FakeClock } from '@muster/core/testing';
import { LmdbStorage, settingsOf } from '@muster/lmdb';
import { directory, opened, removeAll } from './harness.ts';
import { bundleWriter, Writer } from './process.ts';

jest.setTimeout(30_000);
beforeAll(bundleWriter);
afterAll(async () => {
  await Writer.endAll();
  removeAll();
});

const claims = (path: string): string[] => readdirSync(path).filter((name) => name.startsWith('owner.'));

describe('kill -9 in the middle of appends', () => {
  it.each([1, 2, 3])(
    'loses nothing that was acknowledged, and leaves no part of an append (round %d)',
    async (round) => {
      const path = directory();
      const writer = new Writer('append', path);
      await writer.said(/^ack /m, 200 * round);
      await writer.kill();
      const acknowledged = new Map<string, number>();
      for (const [, stream, top] of writer.output.matchAll(/^ack (\S+) (\d+)\n/gm))
        acknowledged.set(stream as string, Math.max(acknowledged.get(stream as string) ?? 0, Number(top)));
      const test = await opened({ directory: path });
      expect(acknowledged.size).toBe(5);
      for (const [stream, top] of acknowledged) {
        const info = await test.log.info(stream);
        expect(info.floor).toBe(0);
        expect(info.top).toBeGreaterThanOrEqual(top);
        const { batches } = await test.log.read(stream, { after: 0, maxBytes: Number.POSITIVE_INFINITY });
        let next = 1;
        for (const batch of batches) {
          expect(batch.offset).toBe(next);
          expect(eventsIn(batch)).toHaveLength(batch.count);
          next += batch.count;
        }
        expect(next - 1).toBe(info.top);
        // Appends are of three events each, of one writer one after another.
        const numbers = batches.flatMap(eventsIn).map(({ n }) => n);
        for (let i = 0; i < numbers.length; i += 3) {
          const [first, ...others] = numbers.slice(i, i + 3) as [number, number, number];
          expect(others).toEqual([first + 1, first + 2]);
        }
      }
      for (const [, key, revision] of writer.output.matchAll(/^key (\S+) (\d+)\n/gm))
        expect(await test.store.get(`k/${key}`)).toMatchObject({ revision: Number(revision) });
      await test.close();
    },
  );
});

describe('a data directory', () => {
  it('is refused to a second process, which is told who has it and since when', async () => {
    const path = directory();
    const before = Date.now();
    await using owner = new Writer('own', path);
    await owner.said(/open/);
    await expect(opened({ directory: path })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_LOCKED',
      details: { directory: path, pid: owner.child.pid },
    });
    const error = await opened({ directory: path }).catch((reason: unknown) => reason);
    const { since } = (error as { details: { since: number } }).details;
    expect(since).toBeGreaterThanOrEqual(before - 1);
    expect(since).toBeLessThanOrEqual(Date.now());
    await using second = new Writer('own', path);
    await second.exited;
    expect(second.output).toMatch(/DATA_DIRECTORY_LOCKED|belongs to process/);
    expect(claims(path)).toHaveLength(1);
  });

  it('is refused to a second process also while its owner is stopped', async () => {
    const path = directory();
    await using owner = new Writer('own', path);
    await owner.said(/open/);
    owner.child.kill('SIGSTOP');
    await expect(opened({ directory: path })).rejects.toMatchObject({ code: 'DATA_DIRECTORY_LOCKED' });
  });

  it('is refused to this process when it has it already, and free again after', async () => {
    const first = await opened();
    const { directory: path } = first.settings;
    await expect(opened({ directory: path })).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_LOCKED',
      details: { pid: process.pid },
    });
    await first.close();
    await first.close();
    await (await opened({ directory: path })).close();
    expect(claims(path)).toEqual([]);
  });

  it('is waited for while its owner may be stopping, and given up when it is not', async () => {
    const owner = await opened();
    const { directory: path } = owner.settings;
    const clock = new FakeClock();
    const second = new LmdbStorage(settingsOf({ directory: path }), clock, systemRandom);
    const start = () => second.start({ progress: () => {} });
    await expect(start()).rejects.toMatchObject({ code: 'DATA_DIRECTORY_LOCKED', fatal: false });
    await clock.advance(14_999);
    await expect(start()).rejects.toMatchObject({ code: 'DATA_DIRECTORY_LOCKED' });
    await clock.advance(1);
    await expect(start()).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_HELD',
      fatal: true,
      details: { pid: process.pid, waitedMs: 15_000 },
    });
    await owner.close();
    await start();
    await second.stop();
  });

  it('is taken over from a killed owner at once', async () => {
    const path = directory();
    const owner = new Writer('own', path);
    await owner.said(/open/);
    await owner.kill();
    expect(claims(path)).toHaveLength(1);
    const test = await opened({ directory: path });
    expect(claims(path)).toHaveLength(1);
    await test.close();
  });

  it('is taken over also when another process has the pid of the dead by now', async () => {
    const path = directory();
    // A claim with the pid of a living process on which nobody listens.
    const server = createServer();
    server.listen(join(path, `owner.${process.ppid}.mx000000.0a1b2c3d`));
    await once(server, 'listening');
    const left = claims(path);
    const { linkSync, renameSync } = await import('node:fs');
    linkSync(join(path, left[0] as string), join(path, 'kept'));
    server.close();
    await once(server, 'close');
    renameSync(join(path, 'kept'), join(path, left[0] as string));
    const test = await opened({ directory: path });
    expect(claims(path)).not.toEqual(left);
    await test.close();
  });

  it('is given to one of many that come at the same time, or to none, and never to two', async () => {
    const path = directory();
    for (let round = 0; round < 5; round += 1) {
      const results = await Promise.allSettled(Array.from({ length: 6 }, () => opened({ directory: path })));
      const won = results.filter((result) => result.status === 'fulfilled');
      expect(won.length).toBeLessThanOrEqual(1);
      for (const { value } of won) await value.close();
      expect(claims(path)).toEqual([]);
    }
  });
});

describe('a full disk', () => {
  it('rejects the append, keeps all that was acknowledged, and goes on when there is room', async () => {
    const path = directory();
    await using writer = new Writer('fill', path, 16_384);
    await writer.exited;
    expect(writer.output).toMatch(/^rejected DISK_FULL$/m);
    const [, acknowledged, top, kept] = /acknowledged (\d+) top (\d+) kept (\d+)/.exec(writer.output) ?? [];
    expect(Number(acknowledged)).toBeGreaterThan(50);
    expect([top, kept]).toEqual([acknowledged, acknowledged]);
    expect(writer.output).toMatch(/^went on 1$/m);
    expect(writer.output).toMatch(/^stopped$/m);
    const test = await opened({ directory: path });
    expect(await test.log.info('small')).toMatchObject({ floor: 0, top: 1 });
    await test.close();
  });
});
