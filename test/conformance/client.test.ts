/** Our client keeps to the protocol in every scenario, and a bad one is caught by the point that it breaks. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Outcome } from '../../packages/inspect/src/conformance/judge.ts';
import { CLIENT_CHECKS, tryClient } from '../../packages/inspect/src/conformance/try-client.ts';
import { bundleExample } from '../journeys/process.ts';
import { CLIENT_MUTANTS, type ClientMutant } from './client-mutants.ts';

jest.setTimeout(120_000);

/** Mutants at the same time. */
const AT_ONCE = 3;
/** What a bad client leaves out is missed so long, in milliseconds. */
const DEADLINE_MS = 1_500;

const directory = mkdtempSync(join(tmpdir(), 'muster-conformance-'));
const driver = join(directory, 'our-client.mjs');
const found = new Map<ClientMutant, readonly Outcome[]>();

beforeAll(async () => {
  await bundleExample('test/conformance/our-client.ts', driver);
  const waiting = [...CLIENT_MUTANTS];
  const work = async (): Promise<void> => {
    for (let mutant = waiting.pop(); mutant !== undefined; mutant = waiting.pop()) {
      const command = [process.execPath, driver, mutant.does];
      found.set(mutant, await tryClient({ command, deadlineMs: DEADLINE_MS }, [mutant.point]));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

describe('a client of @muster/client', () => {
  it('passes every scenario', async () => {
    const outcomes = await tryClient({ command: [process.execPath, driver] });
    expect(outcomes.filter(({ verdict }) => verdict !== 'passed')).toEqual([]);
    expect(outcomes.length).toBe(CLIENT_CHECKS.length);
  });
});

describe('a bad client', () => {
  it.each(CLIENT_MUTANTS)('that $does fails $point', (mutant) => {
    const failed = found.get(mutant)?.filter(({ verdict }) => verdict === 'failed') ?? [];
    expect(failed.map(({ point }) => point)).toContain(mutant.point);
  });

  it('fails every check that there is', () => {
    const failed = [...found.values()].flat().filter(({ verdict }) => verdict === 'failed');
    const titles = new Set(failed.map(({ title }) => title));
    expect(
      CLIENT_CHECKS.filter(({ title }) => !titles.has(title)).map(({ point, title }) => `${point} ${title}`),
    ).toEqual([]);
  });
});
