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

async function said(example: string, env: Readonly<Record<string, string>> = {}): Promise<string> {
  const file = await bundleExample(`examples/${example}/main.ts`, join(directory, `${example}.mjs`));
  await using running = new RunningProcess(file, env);
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
      '05-inspect',
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

  it('show an inspector: one story of a dependency that is lost and comes back, in probes, metrics and words', async () => {
    const output = await said('05-inspect', { INSPECT_PORT: '0' });
    const [before, lost, back] = output.split(/^readyz /m).slice(1) as [string, string, string];
    for (const well of [before, back]) {
      expect(well).toMatch(/^200 \{"ready":true,"gate":"open","blockedBy":\[\]/);
      expect(well).toContain('muster_gate_open{gate="main"} 1');
      expect(well).toContain('muster_service_healthy{service="Database"} 1');
    }
    expect(lost).toMatch(/^503 \{"ready":false,"gate":"closed","blockedBy":\["Database"\]/);
    expect(lost).toContain('muster_gate_open{gate="main"} 0');
    expect(lost).toContain('muster_service_healthy{service="Database"} 0');
    expect(lost).toMatch(/Database is a service, running and unhealthy[^]*Reason: the disk is full/);
    expect(back).toContain('muster_gate_closings_total{gate="main"} 1');
    expect(output).toMatch(/WARN {2}Database is unhealthy: the disk is full/);
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
