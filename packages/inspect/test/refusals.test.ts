/** Every way in which the command line says no: on which stream, with which exit code, and never with a stack. */
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLine, muster } from './harness.ts';

jest.setTimeout(60_000);

interface Failure {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string; readonly details: object };
}

const scratch = mkdtempSync(join(tmpdir(), 'muster-refusals-'));
const dump = join(scratch, 'dump.json');
const noDump = join(scratch, 'no-dump.json');
for (const file of [dump, noDump]) writeFileSync(file, '{ no JSON');
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('muster', () => {
  it.each([
    [['chekc'], 'COMMAND_UNKNOWN', 'near names: check.'],
    [['graph', 'shop.ts', '--fromat', 'dot'], 'OPTION_UNKNOWN', 'near names: --format.'],
    [['check', 'shpo.ts'], 'FILE_MISSING', 'near names: shop.ts.'],
    [['check', 'two-apps'], 'FILE_MISSING', 'near names: two-apps.ts.'],
    [['check', 'places'], 'FILE_UNREADABLE', 'it is a directory'],
    [['check', '../../README.md'], 'FILE_UNREADABLE', 'neither a module nor a dump'],
    [['explain', 'shop.ts', 'Ordres'], 'NODE_UNKNOWN', 'near names: Orders.'],
    [['check', dump], 'NO_ENTRY', 'dump.json is a dump'],
    [['start', 'http://127.0.0.1:2'], 'NO_ENTRY', 'is an address'],
    [['graph', noDump], 'NO_DUMP', 'it is no JSON'],
    [['graph', 'http://127.0.0.1:2'], 'URL_UNREACHABLE', 'ECONNREFUSED'],
    [['graph', 'http://'], 'URL_UNREACHABLE', 'no address'],
    [['check', 'exports-nothing.ts'], 'ENTRY_EMPTY', 'so it was not run'],
    [['check', 'exports-nothing.mjs'], 'ENTRY_EMPTY', 'so it was not run'],
    [['check', 'no-app.ts'], 'ENTRY_WITHOUT_APP', 'only Shop, port'],
    [['check', 'two-apps.ts'], 'ENTRY_AMBIGUOUS', 'shop and warehouse'],
    [['check', 'two-apps.ts', '--export', 'shpo'], 'EXPORT_UNKNOWN', 'near names: shop.'],
    [['check', 'two-apps.ts', '--export', 'settings'], 'EXPORT_NO_APP', 'it is an object'],
    [['check', 'starts-itself.ts'], 'ENTRY_STARTED', 'it was running'],
    [['start', 'starts-itself.ts'], 'ENTRY_STARTED', 'it was running'],
    [['graph', 'throws.ts'], 'ENTRY_FAILED', '(throws.ts:5): DATABASE_URL is not set\\u{1b}[2J.'],
    [['check', 'does-not-compile.ts'], 'ENTRY_BROKEN', 'does-not-compile.ts:3: Could not resolve "./orders.ts"'],
    [['check', 'misdeclared.ts'], 'DEPENDENCY_UNDEFINED', 'Orders (misdeclared.ts:6)'],
    [['check', 'stuck.ts'], 'ENTRY_STUCK', 'stuck.ts waits'],
    [['check', 'exits.ts'], 'ENTRY_EXITED', 'exit code 0'],
    [['check', 'crashes.ts'], 'MAKER_FAILED', '(crashes.ts:5): nobody awaits this'],
    [['graph', 'localhost:3000'], 'FILE_MISSING', 'near names: http://localhost:3000.'],
    [['start', 'shop.ts', '--dump', 'nowhere/dump.json'], 'FILE_UNWRITABLE', 'nowhere/dump.json'],
  ])('ends %j with 2, %s and what to do, on stderr', async (args, code, told) => {
    const { stdout, stderr, ...ended } = await muster(args);
    expect([ended.code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^✘ ${code}: \\S[^]*\\.\n  → \\S.*\\.\n$`));
    expect(stderr).toContain(told);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stderr).not.toContain('\u001b');
  });

  it.each([
    [['chekc'], 'COMMAND_UNKNOWN'],
    [['graph', 'shop.ts', '--fromat'], 'OPTION_UNKNOWN'],
    [['explain', 'shop.ts', 'Ordres'], 'NODE_UNKNOWN'],
    [['diff', 'shop.ts', noDump], 'NO_DUMP'],
    [['start', 'throws.ts'], 'ENTRY_FAILED'],
    [['check', 'exits.ts'], 'ENTRY_EXITED'],
  ])('ends %j --json with 2 and %s as the last line of stdout', async (args, code) => {
    const ended = await muster([...args, '--json']);
    expect(ended).toMatchObject({ code: 2, stderr: '' });
    const { ok, error } = lastLine<Failure>(ended);
    expect([ok, error.code, Object.keys(error)]).toEqual([false, code, ['code', 'message', 'hint', 'details']]);
  });

  it('shows the stack of an error, and of what caused it, to whoever asks for it', async () => {
    const { stderr } = await muster(['check', 'throws.ts', '--debug']);
    expect(stderr).toMatch(
      /^✘ ENTRY_FAILED: [^]*\n\s+at [^]*\nCaused by: Error: DATABASE_URL is not set.*\n\s+at .*throws\.ts:5:/,
    );
  });
});
