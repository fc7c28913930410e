/** The kit finds what is wrong: every bad server fails at the point that it breaks, and a good one behind a proxy nowhere. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Outcome } from '../../packages/inspect/src/conformance/judge.ts';
import { SERVER_CHECKS } from '../../packages/inspect/src/conformance/points/points.ts';
import { tryServer } from '../../packages/inspect/src/conformance/try-server.ts';
import { echoApp } from '../fixtures/echo-app.ts';
import { ManglingProxy } from './mangling-proxy.ts';
import { DELIVERY_MUTANTS } from './delivery-mutants.ts';
import { OPENING_MUTANTS } from './opening-mutants.ts';
import type { ServerMutant } from './mutate.ts';

jest.setTimeout(60_000);

/** Mutants at the same time. */
const AT_ONCE = 6;
/** What a bad server leaves out is missed so long, in milliseconds. */
const DEADLINE_MS = 1_000;

const strangers = { unauthenticated: 1_000, unauthenticatedPerAddress: 1_000 };
const plain = echoApp({ server: { limits: strangers } });
const hasty = echoApp({ server: { limits: { ...strangers, window: 8, heartbeatMs: 300 } } });
const SERVER_MUTANTS = [...OPENING_MUTANTS, ...DELIVERY_MUTANTS];
const found = new Map<ServerMutant, readonly Outcome[]>();

async function tryMutant(mutant: ServerMutant): Promise<readonly Outcome[]> {
  const { point, text = 'conformance' } = mutant;
  const { server } = ['P6.7', 'P8.1'].includes(point) ? hasty : plain;
  await using proxy = await ManglingProxy.listen(server.url.replace('http', 'ws'), mutant);
  // A user of its own, so that no limit of a user is met.
  const token = `token:user-${SERVER_MUTANTS.indexOf(mutant)}`;
  return await tryServer({ url: proxy.url, token, otherToken: 'token:bob', data: { text }, deadlineMs: DEADLINE_MS }, [
    point,
  ]);
}

beforeAll(async () => {
  await Promise.all([plain.app.start(), hasty.app.start()]);
  const waiting = [...SERVER_MUTANTS];
  const work = async (): Promise<void> => {
    for (let mutant = waiting.pop(); mutant !== undefined; mutant = waiting.pop())
      found.set(mutant, await tryMutant(mutant));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
});

afterAll(async () => {
  await Promise.all([plain.app.stop(), hasty.app.stop()]);
});

describe('a bad server', () => {
  it.each(SERVER_MUTANTS)('that $does fails $point', (mutant) => {
    const failed = found.get(mutant)?.filter(({ verdict }) => verdict === 'failed') ?? [];
    expect(failed.map(({ point }) => point)).toContain(mutant.point);
    for (const outcome of failed)
      expect(outcome).toMatchObject({ expected: expect.any(String), got: expect.any(String) });
  });

  it('fails every check that there is', () => {
    const failed = [...found.values()].flat().filter(({ verdict }) => verdict === 'failed');
    const titles = new Set(failed.map(({ title }) => title));
    expect(
      SERVER_CHECKS.filter(({ title }) => !titles.has(title)).map(({ point, title }) => `${point} ${title}`),
    ).toEqual([]);
  });

  it('is told from a good one, which fails nowhere behind the same proxy', async () => {
    await using proxy = await ManglingProxy.listen(plain.server.url.replace('http', 'ws'));
    const outcomes = await tryServer({ url: proxy.url, token: 'token:ann', otherToken: 'token:bob' });
    expect(outcomes.filter(({ verdict }) => verdict === 'failed')).toEqual([]);
  });
});
