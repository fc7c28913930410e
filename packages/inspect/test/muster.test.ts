/** The command as a process: what it prints, where, and with which exit code. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { execFile, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphDump } from '@muster/contracts';
import type { GraphDiff } from '@muster/core/graph';
import { lastLine, muster, root, RunningMuster } from './harness.ts';

jest.setTimeout(60_000);

const scratch = mkdtempSync(join(tmpdir(), 'muster-inspect-'));
/** Of the shop, when it ran. */
const dump = join(scratch, 'dump.json');
beforeAll(async () => {
  await using app = new RunningMuster(['start', 'shop.ts', '--dump', dump]);
  await app.said(/Ready in/);
  await app.end();
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const ESCAPE = '\u001b';

describe('muster', () => {
  it('shows help and its version on stdout', async () => {
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

  it('keeps its exit code, and stays quiet, when nobody reads what it says', () => {
    const command = `"${process.execPath}" packages/inspect/bin/muster.js check packages/inspect/test/fixtures/shop-with-a-typo.ts`;
    const { stdout, stderr } = spawnSync('sh', ['-c', `(${command}; echo "code $?" >&2) | true`], {
      cwd: root,
      encoding: 'utf8',
    });
    expect([stdout, stderr]).toEqual(['', 'code 1\n']);
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

  it('show the graphs of several instances as one', async () => {
    const [text, line] = await Promise.all([
      muster(['graph', 'shop.ts', dump]),
      muster(['graph', 'shop.ts', 'shop.ts', '--json']),
    ]);
    expect(text.stdout).toContain('instance shop.ts: new, gate closed\n');
    expect(text.stdout).toContain(`● ${dump}/Checkout`);
    const merged = lastLine<GraphDump>(line);
    expect(merged.instances?.map(({ id }) => id)).toEqual(['shop.ts', 'shop.ts#2']);
    expect(merged.nodes.map(({ id }) => id)).toContain('shop.ts#2/Checkout');
    // It is a source itself.
    const file = join(scratch, 'merged.json');
    writeFileSync(file, line.stdout);
    expect((await muster(['explain', file, 'shop.ts/Checkout'])).stdout).toContain('shop.ts/Checkout is a service');
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

  it('are one page with --format html, in which everything is text', async () => {
    const ran = JSON.parse(readFileSync(dump, 'utf8')) as GraphDump;
    const evil = '<script>alert(1)</script>\u202e';
    const nodes = ran.nodes.map((node) => ({ ...node, startMs: node.startMs === null ? null : node.startMs + 40 }));
    const later = join(scratch, 'slower.json');
    writeFileSync(later, JSON.stringify({ ...ran, nodes: [...nodes, { ...nodes[0], id: evil }] }));
    const { code, stdout } = await muster(['diff', dump, later, '--format', 'html']);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^<!doctype html>\n<html lang="en">[^]*The graphs are different\.[^]*<\/html>\n$/);
    expect(stdout).toContain('<h2>Slower</h2>');
    expect(stdout).toContain('&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}');
    expect(stdout).not.toMatch(/<script|src=|href=|\u202e/);
    const same = await muster(['diff', dump, dump, '--format', 'html']);
    expect([same.code, same.stdout]).toEqual([0, expect.stringContaining('No difference.')]);
  });

  it('take no difference of times alone for one', async () => {
    const ran = JSON.parse(readFileSync(dump, 'utf8')) as GraphDump;
    const later = join(scratch, 'later.json');
    writeFileSync(later, JSON.stringify({ ...ran, wallMs: (ran.wallMs ?? 0) + 7 }));
    const { code, stdout } = await muster(['diff', dump, later]);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^boot .* ⇒ .*\n$/)]);
    const planned = await muster(['diff', 'shop.ts', dump]);
    expect(planned).toMatchObject({ code: 0, stdout: 'No difference.\n' });
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
    const url = await app.said(/Inspect it at (http:\S+)/);
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
    const url = (await app.said(/Inspect it at (http:\S+)/)).replace('0.0.0.0', '127.0.0.1');
    const [without, wrong, option, environment] = await Promise.all([
      muster(['graph', url]),
      muster(['graph', url, '--token', 'guess']),
      muster(['graph', url, '--token', 'a token for those who look']),
      muster(['graph', url], { env: { MUSTER_TOKEN: 'a token for those who look' } }),
    ]);
    expect([without.code, wrong.code, option.code, environment.code]).toEqual([2, 2, 0, 0]);
    expect(without.stderr).toContain('URL_REFUSED');
    expect(wrong.stderr).not.toContain('guess');
  });

  it('tells what happens in it until it ends, and nothing of a run that it does not know', async () => {
    await using app = new RunningMuster(['start', 'served.ts']);
    const url = await app.said(/Inspect it at (http:\S+)/);
    await using events = new RunningMuster(['events', url]);
    await events.said(/running/);
    const unknown = await muster(['events', url, '--run', 'nobody']);
    expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('RUN_UNKNOWN')]);
    const ended = events.ended;
    await app.end();
    const { code, stdout } = await ended;
    expect([code, stdout]).toEqual([0, expect.stringMatching(/ stop-started {5}Stopping: SIGTERM[^]*stop-completed/)]);
  });

  it('can be started with a page, which stays when the boot has failed', async () => {
    await using app = new RunningMuster(['start', 'shop-that-fails.ts', '--inspect', '0']);
    const url = await app.said(/Inspect it at (http:\S+)/);
    await app.said(/nobody listens on port 5432/);
    const { stdout } = await muster(['explain', url, 'Database']);
    expect(stdout).toMatch(/^Database is a service, failed/);
    expect((await app.end()).code).toBe(1);
    expect((await muster(['start', 'shop.ts', '--inspect', 'here'])).stderr).toContain('OPTION_MISUSED');
  });

  it('can be started with a page, which stays when the app has nothing to do', async () => {
    await using app = new RunningMuster(['start', 'shop.ts', '--inspect', '0']);
    const url = await app.said(/Inspect it at (http:\S+)/);
    expect((await muster(['explain', url, 'Database'])).stdout).toMatch(/^Database is a service, running/);
    expect((await app.end()).code).toBe(0);
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
