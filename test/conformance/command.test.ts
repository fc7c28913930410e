/** `muster conformance` as a user has it: what it prints, and the exit codes. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastLine, muster } from '../../packages/inspect/test/harness.ts';
import { echoApp } from '../fixtures/echo-app.ts';
import { ManglingProxy } from './mangling-proxy.ts';

jest.setTimeout(60_000);

interface Report {
  readonly ok: boolean;
  readonly points: readonly { readonly point: string; readonly verdict: string; readonly checks: readonly object[] }[];
}

const { server, app } = echoApp();
const directory = mkdtempSync(join(tmpdir(), 'muster-conformance-'));
const url = (): string => `${server.url.replace('http', 'ws')}/ws`;

beforeAll(() => app.start());
afterAll(async () => {
  rmSync(directory, { recursive: true, force: true });
  await app.stop();
});

describe('muster conformance', () => {
  it('prints one line for each point of a server, and ends with 0', async () => {
    const { code, stdout, stderr } = await muster(['conformance', url(), '--token', 'token:ann', '--only', 'P1,P5.6']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    const expected = ['P1.1', 'P1.2', 'P1.3', 'P1.4', 'P1.5', 'P1.6', 'P1.7', 'P5.6'];
    expect(lines.slice(0, -1).map((line) => line.split(' ')[1])).toEqual(expected);
    expect(lines[3]).toBe('· P1.4 not applicable: it needs a server that is still starting');
    expect(lines.at(-1)).toMatch(/^✔ ws:\/\/\S+ keeps to muster\.v1: 5 passed, 0 failed, 3 not applicable$/);
  });

  it('says of a point that failed what was expected, what came, and the frames around it, and ends with 1', async () => {
    await using proxy = await ManglingProxy.listen(server.url.replace('http', 'ws'), {
      toClient: (frame) => (frame.type === 'pong' ? [frame, frame] : [frame]),
    });
    const args = ['conformance', proxy.url, '--only', 'P8.2,P5.6'];
    const env = { MUSTER_TOKEN: 'token:ann' };
    const [text, json] = await Promise.all([muster(args, { env }), muster([...args, '--json'], { env })]);
    expect([text.code, json.code]).toEqual([1, 1]);
    expect(text.stdout).toContain('✔ P5.6 passed: refuses an id that stands for another method or other data\n');
    expect(text.stdout).toMatch(
      /✘ P8\.2 failed: answers .*\n    expected {2}.*\n    got {7}.*\n(      (sent|came) .*\n)+✘ /,
    );
    expect(lastLine<Report>(json)).toMatchObject({
      ok: false,
      points: [
        { point: 'P5.6', verdict: 'passed' },
        { point: 'P8.2', verdict: 'failed', checks: [{ expected: expect.any(String), frames: expect.any(Array) }] },
      ],
    });
  });

  it('shows no token, also where a server repeats it', async () => {
    await using proxy = await ManglingProxy.listen(server.url.replace('http', 'ws'), {
      toClient: (frame) => (frame.type === 'welcome' ? [{ ...frame, token: 'token:ann' }] : [frame]),
    });
    const { code, stdout } = await muster(['conformance', proxy.url, '--token', 'token:ann', '--only', 'P2.3']);
    expect(code).toBe(1);
    expect(stdout).toContain('sent   {"type":"hello"');
    expect(stdout).not.toContain('token:ann');
  });

  it('tries a method of another name, with other data', async () => {
    const given = ['--token', 'token:ann', '--method', 'start', '--data', '{"text":"hello"}', '--only', 'P5.5'];
    await using proxy = await ManglingProxy.listen(server.url.replace('http', 'ws'), {
      toServer: (frame) => [frame['method'] === 'start' ? { ...frame, method: 'run' } : frame],
    });
    expect(await muster(['conformance', proxy.url, ...given])).toMatchObject({ code: 0, stderr: '' });
  });

  it('tries a client by its command', async () => {
    const silent = join(directory, 'silent.mjs');
    writeFileSync(silent, "console.error('no server for me'); process.exit(3);");
    const { code, stdout } = await muster(['conformance', 'client', '--only', 'P1', '--', process.execPath, silent]);
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /✘ P1\.1 failed: offers the subprotocol muster\.v1\n(.*\n)* +got +exit 3: no server for me\n/,
    );
  });

  it.each([
    [['http://127.0.0.1:1'], 'ARGUMENTS_WRONG', 'neither the word client nor a ws:// or wss:// address'],
    [['ws://127.0.0.1:1'], 'ARGUMENTS_WRONG', '--token is missing'],
    [['ws://127.0.0.1:1', 'more'], 'ARGUMENTS_WRONG', 'more is one argument too many'],
    [['ws://127.0.0.1:1', '--token', 't'], 'URL_UNREACHABLE', 'ECONNREFUSED'],
    [['ws://127.0.0.1:1', '--token', 't', '--data', '[]'], 'OPTION_MISUSED', 'a JSON object'],
    [['ws://127.0.0.1:1', '--token', 't', '--only', 'P99'], 'OPTION_MISUSED', 'P99'],
    [['client'], 'ARGUMENTS_WRONG', 'the command of the client is missing'],
    [['client', '--', './no-such-program'], 'CLIENT_NOT_STARTED', 'ENOENT'],
  ])('refuses %j with %s', async (args, code, text) => {
    const ended = await muster(['conformance', ...args], { env: { MUSTER_TOKEN: '' } });
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toContain(`✘ ${code}`);
    expect(ended.stderr).toContain(text);
  });
});
