/** Every numbered example runs as its reader would run it, and says what its reader is told. */
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { bundleExample, root, RunningProcess } from './process.ts';

jest.setTimeout(30_000);

let directory = '';
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'muster-examples-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function said(example: string): Promise<string> {
  const file = await bundleExample(`examples/${example}/main.ts`, join(directory, `${example}.mjs`));
  await using running = new RunningProcess(file);
  expect(await running.exited).toEqual({ code: 0, signal: null });
  return running.output;
}

describe('the examples', () => {
  it('are all run: the first, the chat and the cluster in journeys of their own, the others here', async () => {
    const folders = await readdir(join(root, 'examples'));
    expect(folders.sort()).toEqual([
      '01-first-gate',
      '02-edges',
      '03-existing-container',
      '04-agents',
      'chat',
      'cluster',
    ]);
  });

  it('show edges: a boot that an optional cache does not hold up, and a cache that comes later', async () => {
    const output = await said('02-edges');
    expect(output).toContain('✔ Migrations completed');
    expect(output).toMatch(/Search running {2}unchecked .*without Cache/);
    expect(output).toMatch(/found without the cache\nSearch misses nothing\nfound in the cache\n/);
    expect(output).toContain('Can do without Cache (running), on loss: degrade');
  });

  it('show agents, a tool, a limit, a cancel and threads, as the tutorial says', async () => {
    const output = await said('04-agents');
    const [, printed] =
      /## What it prints\n\n```\n([\s\S]*?)```/.exec(readFileSync(join(root, 'docs/agents.md'), 'utf8')) ?? [];
    expect(output.startsWith(printed as string)).toBe(true);
    expect(output.split('\n').at(-2)).toMatch(/^Bern user success, assistant success, user cancelled/);
  });

  it('show an existing container: its graph, started and stopped in order', async () => {
    const output = await said('03-existing-container');
    const [up, api, ...rest] = output.split('\n');
    expect([up, api]).toEqual(['the database is up', 'the API is up with 2 channels']);
    expect(output).toMatch(/Api \(api\) running/);
    expect(output).toContain('report opaque');
    expect(rest.filter((line) => line !== '').at(-1)).toBe('the database is down');
  });
});
