/** The command as a process: what it prints, where, and with which exit code. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphDump } from '@muster/contracts';
import type { GraphDiff } from '@muster/core';
import { fixtures, lastLine, muster, root, RunningMuster } from './harness.ts';

jest.setTimeout(60_000);

interface Failure {
  readonly ok: false;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string; readonly details: object };
}

const scratch = mkdtempSync(join(tmpdir(), 'muster-inspect-'));
/** Of the shop, when it ran. */
const dump = join(scratch, 'dump.json');
const noDump = join(scratch, 'no-dump.json');
beforeAll(async () => {
  writeFileSync(noDump, '{ no JSON');
  await using app = new RunningMuster(['start', 'shop.ts', '--dump', dump]);
  await app.said(/Ready in/);
  await app.end();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ESCAPE = '\u001b';

describe('muster', () => {
  it('shows help on stdout and its version, and loads nothing for it', async () => {
    const [bare, help, of, version] = await Promise.all([
      muster([]),
      muster(['help']),
      muster(['check', '--help']),
      muster(['--version']),
    ]);
    expect(bare).toEqual(help);
    expect(help).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: muster <command>'), stderr: '' });
    expect(of).toMatchObject({ code: 0, stdout: expect.stringContaining('Usage: muster check <entry>'), stderr: '' });
    const { version: own } = JSON.parse(readFileSync(`${root}packages/inspect/package.json`, 'utf8')) as {
      version: string;
    };
    expect(version).toEqual({ code: 0, stdout: `${own}\n`, stderr: '' });
  });

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
    [['start', 'shop.ts', '--dump', 'nowhere/dump.json'], 'FILE_UNWRITABLE', 'nowhere/dump.json'],
  ])('ends %j with 2, %s and what to do, on stderr', async (args, code, told) => {
    const { stdout, stderr, ...ended } = await muster(args);
    expect([ended.code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(new RegExp(`^✘ ${code}: \\S[^]*\\.\n  → \\S.*\\.\n$`));
    expect(stderr).toContain(told);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(stderr).not.toContain(ESCAPE);
  });

  it.each([
    [['chekc'], 'COMMAND_UNKNOWN'],
    [['graph', 'shop.ts', '--fromat'], 'OPTION_UNKNOWN'],
    [['explain', 'shop.ts', 'Ordres'], 'NODE_UNKNOWN'],
    [['diff', 'shop.ts', noDump], 'NO_DUMP'],
    [['start', 'throws.ts'], 'ENTRY_FAILED'],
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

  it('leaves nothing behind, whether an entry is sound or throws', async () => {
    await muster(['check', 'shop.ts']);
    await muster(['check', 'throws.ts']);
    await muster(['check', 'does-not-compile.ts']);
    const cache = join(root, 'node_modules/.cache/muster');
    const left = existsSync(cache) ? readdirSync(cache) : [];
    // Other tests may be at work in it.
    expect(left.filter((name) => readdirSync(join(cache, name)).some((file) => /^(throws|does)/.test(file)))).toEqual(
      [],
    );
  });

  it('ends quietly when nobody reads any more', async () => {
    const command = `"${process.execPath}" packages/inspect/bin/muster.js graph packages/inspect/test/fixtures/shop.ts | true`;
    expect(execFileSync('sh', ['-c', `${command}; echo "ended"`], { cwd: root, encoding: 'utf8', stdio: 'pipe' })).toBe(
      'ended\n',
    );
  });

  it('says in one line how to build it where it is not built', async () => {
    const copy = join(scratch, 'unbuilt');
    cpSync(`${root}packages/inspect/bin`, `${copy}/bin`, { recursive: true });
    writeFileSync(join(copy, 'package.json'), '{"type":"module"}');
    const said = await new Promise((resolve) => {
      execFile(process.execPath, [`${copy}/bin/muster.js`, 'check'], (error, stdout, stderr) =>
        resolve({ code: error?.code, stdout, stderr }),
      );
    });
    expect(said).toEqual({ code: 2, stdout: '', stderr: expect.stringMatching(/^.*npm run build.*\n$/) });
  });
});

describe('an entry', () => {
  it.each([
    ['TypeScript with decorators', ['shop.ts']],
    ['an asynchronous function in TypeScript', ['served.ts']],
    ['plain JavaScript', ['plain.mjs']],
    ['CommonJS', ['common.cjs']],
    ['a chosen export', ['two-apps.ts', '--export', 'warehouse']],
  ])('can be %s', async (_what, args) => {
    const { code, stdout, stderr } = await muster(['check', ...args]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^✔ \S+ is sound: /);
  });

  it('sees its own place in each of its files, and has its names for itself', async () => {
    const { stdout } = await muster(['check', 'places/entry.ts', '--json']);
    expect(JSON.parse(stdout.split('\n')[0] as string)).toEqual({
      __dirname: `${fixtures}places/`,
      inner: new URL('./fixtures/places/inner/inner.ts', import.meta.url).href,
      ws: 'function',
    });
    expect(lastLine(await Promise.resolve({ stdout }))).toMatchObject({ ok: true });
  });

  it('names its own files and lines, from wherever it is asked', async () => {
    const places = async (cwd: string, entry: string) =>
      lastLine<GraphDump>(await muster(['graph', entry, '--json'], { cwd })).nodes.map((node) => node.declaredAt);
    const line = (text: string): number =>
      readFileSync(join(fixtures, 'shop.ts'), 'utf8').split(`class ${text}`)[0]?.split('\n').length as number;
    const expected = ['Database', 'Mailer', 'Orders', 'Checkout'].map((name) => line(name) - 1);
    expect(await places(fixtures, 'shop.ts')).toEqual(expected.map((each) => `shop.ts:${each}`));
    const near = 'packages/inspect/test/fixtures/shop.ts';
    expect(await places(root, near)).toEqual(expected.map((each) => `${near}:${each}`));
    expect(await places(scratch, join(fixtures, 'shop.ts'))).toEqual(
      expected.map((each) => `${fixtures}shop.ts:${each}`),
    );
  });

  it('needs no compiler when it is JavaScript, and help needs nothing at all', async () => {
    const say =
      'export const load = (url, context, next) => { process._rawDebug(`LOADED ${url}`); return next(url, context); };';
    const hook = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(say)}`)});`;
    const flags = ['--disable-warning=DEP0205', '--import', `data:text/javascript,${encodeURIComponent(hook)}`];
    const loads = async (...args: string[]) => {
      const { stderr } = await muster(args, { flags });
      const urls = [...stderr.matchAll(/^LOADED (.*)$/gm)].map(([, url]) => url as string);
      expect(urls.length).toBeGreaterThan(0);
      return {
        compiler: urls.some((url) => url.includes('/esbuild/')),
        core: urls.some((url) => url.includes('/core/')),
      };
    };
    expect(await loads('check', 'shop.ts')).toMatchObject({ compiler: true });
    expect(await loads('check', 'plain.mjs')).toEqual({ compiler: false, core: true });
    expect(await loads('help')).toEqual({ compiler: false, core: false });
    expect(await loads('graph', dump, '--json')).toEqual({ compiler: false, core: false });
  });

  it.each([
    ['--conditions=@muster/source', { flags: ['--conditions=@muster/source'] }],
    ['NODE_OPTIONS', { env: { NODE_OPTIONS: '-C @muster/source' } }],
  ])('gets the files of the conditions that Node was given with %s', async (_how, surroundings) => {
    const copy = mkdtempSync(join(scratch, 'conditions-'));
    for (const [file, text] of Object.entries({
      'entry.ts': `import { where } from '#where'; console.log(where); export { app } from ${JSON.stringify(`${fixtures}plain.mjs`)};`,
      'source.ts': `export const where: string = 'source';`,
      'built.js': `export const where = 'built';`,
      'package.json': '{"type":"module","imports":{"#where":{"@muster/source":"./source.ts","default":"./built.js"}}}',
    }))
      writeFileSync(join(copy, file), text);
    const [without, given] = await Promise.all([
      muster(['check', join(copy, 'entry.ts')]),
      muster(['check', join(copy, 'entry.ts')], surroundings),
    ]);
    expect([without, given].map(({ code, stdout }) => [code, stdout.split('\n')[0]])).toEqual([
      [0, 'built'],
      [0, 'source'],
    ]);
  });
});

describe('muster check', () => {
  it('ends with 1 when there are problems, each with code, place and what to do', async () => {
    const [people, machines] = await Promise.all([
      muster(['check', 'shop-with-a-typo.ts']),
      muster(['check', 'shop-with-a-typo.ts', '--json']),
    ]);
    expect(people).toMatchObject({ code: 1, stderr: '' });
    expect(people.stdout).toMatch(
      /✘ MISSING: Orders \(shop-with-a-typo\.ts:\d+\) needs Databse, .*\n    → Add .*near names: Database\.\n$/,
    );
    expect(machines).toMatchObject({ code: 1, stderr: '' });
    const report = lastLine<{ ok: boolean; problems: object[] }>(machines);
    expect(Object.keys(report)).toEqual(['ok', 'problems', 'notes', 'budgets']);
    expect(report).toMatchObject({
      ok: false,
      problems: [{ code: 'MISSING', nodes: ['Orders', 'Databse'] }],
      budgets: { boot: { says: 'fits' } },
    });
  });

  it('starts nothing', async () => {
    expect(await muster(['check', 'shop-that-fails.ts'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('finds the flagship of this repository sound, from its root', async () => {
    const { code, stdout } = await muster(['check', 'examples/chat/muster.app.ts'], { cwd: root });
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/^✔ examples\/chat\/muster\.app\.ts is sound: \d+ services/),
    ]);
  });
});

describe('muster graph and muster diff', () => {
  it('show one graph in four forms, without a colour in a pipe', async () => {
    const [text, json, mermaid, dot, line] = await Promise.all([
      muster(['graph', 'shop.ts']),
      muster(['graph', 'shop.ts', '--format', 'json']),
      muster(['graph', 'shop.ts', '--format=mermaid']),
      muster(['graph', 'shop.ts', '--format', 'dot']),
      muster(['graph', 'shop.ts', '--json']),
    ]);
    for (const { code, stderr } of [text, json, mermaid, dot, line]) expect([code, stderr]).toEqual([0, '']);
    for (const { stdout } of [text, json, mermaid, dot, line]) expect(stdout).not.toContain(ESCAPE);
    expect(mermaid.stdout).toMatch(/^flowchart BT\n/);
    expect(dot.stdout).toMatch(/^digraph muster \{\n/);
    expect(JSON.parse(json.stdout)).toEqual(lastLine(line));
    expect(line.stdout.split('\n')).toHaveLength(2);
    expect(JSON.parse(json.stdout)).toMatchObject({ format: 'muster.graph/1', state: 'new' });
  });

  it('show a graph with problems, too: showing it is what was asked for', async () => {
    expect(await muster(['graph', 'shop-with-a-typo.ts'])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('✘ MISSING: '),
    });
  });

  it('end as diff(1) does: 0 for no difference, 1 for one, 2 for trouble', async () => {
    const same = await muster(['diff', 'shop.ts', 'shop.ts']);
    expect(same).toEqual({ code: 0, stdout: 'No difference.\n', stderr: '' });
    const other = await muster(['diff', 'shop.ts', 'shop-that-fails.ts', '--json']);
    expect(other.code).toBe(1);
    expect(lastLine<GraphDiff>(other).nodes).toEqual({ added: [], removed: ['Checkout', 'Mailer'] });
    expect(await muster(['diff', 'shop.ts', 'shpo.ts'])).toMatchObject({ code: 2, stdout: '' });
  });

  it('take no difference of times alone for one', async () => {
    const ran = JSON.parse(readFileSync(dump, 'utf8')) as GraphDump;
    const later = join(scratch, 'later.json');
    writeFileSync(later, JSON.stringify({ ...ran, wallMs: (ran.wallMs ?? 0) + 7 }));
    const { code, stdout } = await muster(['diff', dump, later]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^boot .* ⇒ .*\n$/)]);
    const planned = await muster(['diff', 'shop.ts', dump]);
    expect(planned).toMatchObject({ code: 0, stdout: expect.stringContaining('critical path: (none)') });
  });
});

describe('muster start', () => {
  it('boots, and stops in order with 0 on SIGTERM', async () => {
    await using app = new RunningMuster(['start', 'served.ts']);
    await app.said(/→ http/);
    const { code, stdout, stderr } = await app.end();
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(
      /● ConnectionPool running[^]*Gate open[^]*Ready in[^]*Stopping: SIGTERM[^]*○ ConnectionPool stopped/,
    );
    expect(stdout).not.toContain(ESCAPE);
  });

  it('with --json says only that it runs, and tells people on stderr', async () => {
    await using app = new RunningMuster(['start', 'served.ts', '--json']);
    await app.said(/"state":"running"/);
    const ended = await app.end('SIGINT');
    expect(ended.code).toBe(0);
    expect(ended.stdout.split('\n')).toHaveLength(2);
    expect(lastLine(ended)).toEqual({ state: 'running', wallMs: expect.any(Number) });
    expect(ended.stderr).toContain('Stopping: SIGINT');
  });

  it('ends with 1 when the boot fails, and leaves a dump that explains it', async () => {
    const file = join(scratch, 'failed.json');
    const [people, machines] = await Promise.all([
      muster(['start', 'shop-that-fails.ts', '--dump', file]),
      muster(['start', 'shop-that-fails.ts', '--json']),
    ]);
    expect(people).toMatchObject({ code: 1, stderr: '' });
    expect(people.stdout).toMatch(
      /✘ Database \(shop-that-fails\.ts:\d+\): .*nobody listens on port 5432[^]*→ Start the database\./,
    );
    expect(people.stdout).not.toMatch(/\n\s+at /);
    expect(machines.code).toBe(1);
    expect(lastLine(machines)).toMatchObject({
      ok: false,
      error: { code: 'BOOT_FAILED', details: { skipped: ['Orders'] } },
    });
    const explained = await muster(['explain', file, 'Orders']);
    expect(explained).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^Orders is a service, skipped[^]*Database/),
    });
    expect(lastLine(await muster(['explain', file, 'Database', '--json']))).toMatchObject({
      id: 'Database',
      text: expect.stringMatching(/^Database is a service, failed/),
      node: { id: 'Database', phase: 'failed' },
    });
  });
});

describe('a running app', () => {
  it('can be shown, explained and compared by its address', async () => {
    await using app = new RunningMuster(['start', 'served.ts']);
    const url = await app.said(/Listening on (http:\S+)/);
    const [shown, explained, compared, exact, elsewhere] = await Promise.all([
      muster(['graph', url]),
      muster(['explain', `${url}/`, 'Authenticator']),
      muster(['diff', 'served.ts', url]),
      muster(['graph', `${url}/muster/graph.json`, '--json']),
      muster(['graph', `${url}/somewhere/else.json`]),
    ]);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringMatching(/^running · gate open/) });
    expect(explained.stdout).toMatch(/^Names \(Authenticator\) is a service, running[^]*served\.ts:\d+/);
    expect(compared.code).toBe(0);
    expect(lastLine(exact)).toMatchObject({ state: 'running' });
    expect(elsewhere.stderr).toContain('URL_WITHOUT_DUMP');
  });

  it('that others can reach asks for a token, from an option or the environment', async () => {
    await using app = new RunningMuster(['start', 'served.ts'], { env: { PUBLIC: 'yes' } });
    const url = (await app.said(/Listening on (http:\S+)/)).replace('0.0.0.0', '127.0.0.1');
    const [without, wrong, option, environment] = await Promise.all([
      muster(['graph', url]),
      muster(['graph', url, '--token', 'guess']),
      muster(['graph', url, '--token', 'secret']),
      muster(['graph', url], { env: { MUSTER_TOKEN: 'secret' } }),
    ]);
    expect([without.code, wrong.code, option.code, environment.code]).toEqual([2, 2, 0, 0]);
    expect(without.stderr).toContain('URL_REFUSED');
    expect(wrong.stderr).not.toContain('guess');
  });

  it('may be something else: what answers without a dump is named', async () => {
    const server = createServer((_, response) => response.end('{"format":"another/1"}')).listen(0, '127.0.0.1');
    await new Promise((resolve) => {
      server.once('listening', resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { code, stderr } = await muster(['graph', url]);
    server.close();
    expect([code, stderr]).toEqual([2, expect.stringMatching(/^✘ NO_DUMP: http:\S+ is no dump .*\(at format\)\.\n/)]);
  });
});
