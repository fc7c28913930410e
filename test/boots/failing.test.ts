/**
 * What a failed boot says, as a person sees it: one screen, the root cause and not the cascade, the place, and what to do.
 *
 * `UPDATE_GOLDEN=1` writes the golden files; read the difference as a newcomer would.
 */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { bundleExample, root } from '../journeys/process.ts';

jest.setTimeout(30_000);

const golden = new URL('./golden/', import.meta.url);
const directory = mkdtempSync(join(tmpdir(), 'muster-boots-'));
const file = join(directory, 'failing.mjs');

const names = [
  'missing-provider',
  'near-name',
  'duplicate',
  'cycle-of-3',
  'cycle-of-10',
  'captive-scope',
  'start-throws',
  'start-hangs',
  'never-healthy',
  'check-waits-for-boot',
  'yields-undefined',
  'yields-promise',
  'budget-too-small',
  'port-taken',
];

beforeAll(async () => {
  await bundleExample('test/boots/failing.ts', file);
});

afterAll(() => rm(directory, { recursive: true, force: true }));

function boot(name: string, env: Readonly<Record<string, string>> = {}): Promise<{ code: unknown; said: string }> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--enable-source-maps', file, name],
      { cwd: root, env: { ...process.env, ...env } },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr }),
    );
  });
}

/** What differs from run to run: times and the taken port. */
function stable(text: string): string {
  return text
    .replace(/after \d+ ms|in \d+ ms|Again in \d+ ms/g, (found) => found.replace(/\d+/, '…'))
    .replace(/\d+ attempts/g, '… attempts')
    .replace(/in attempt \d+/g, 'in attempt …')
    .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:PORT');
}

/** Lines that repeat but for their number of the attempt are told once. */
function once(text: string): string {
  return text
    .split('\n')
    .filter((line, i, lines) => line !== lines[i - 1])
    .join('\n');
}

describe('a boot that cannot succeed', () => {
  it('is tried here for every reason there is', () => {
    const known = JSON.parse(execFileSync(process.execPath, [file], { encoding: 'utf8' })) as string[];
    expect(known).toEqual(names);
  });

  it.each(names)('of %s says on one screen what is wrong, where, and what to do, and exits with 1', async (name) => {
    const { code, said } = await boot(name);
    expect(code).toBe(1);
    const text = once(stable(said));
    const path = new URL(`${name}.txt`, golden);
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, text);
    expect(text).toBe(existsSync(path) ? readFileSync(path, 'utf8') : '(no golden file)');
    expect(said.split('\n').length).toBeLessThan(24);
    expect(said).toMatch(/→ \S|\n {4}\S.*\.\n/);
    expect(said).not.toContain('    at ');
  });

  it('fails the same way in every environment: no variable changes a verdict', async () => {
    const environments = [
      { NODE_ENV: 'production' },
      { NODE_ENV: 'test', CI: '' },
      { ENVIRONMENT: 'staging', SKIP_STARTUP_CHECKS: '1', MUSTER_SKIP: '1', FORCE: '1' },
    ];
    const told = await Promise.all(
      ['start-throws', 'missing-provider'].map(async (name) =>
        Promise.all(environments.map(async (env) => boot(name, env))),
      ),
    );
    for (const verdicts of told) {
      expect(verdicts.map(({ code }) => code)).toEqual([1, 1, 1]);
      expect(new Set(verdicts.map(({ said }) => stable(said))).size).toBe(1);
    }
  });
});
