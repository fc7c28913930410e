/** The short form of the benches: they run, and say what they measured as one JSON object in their last line. */
import { describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from './journeys/process.ts';

jest.setTimeout(60_000);

/** Runs a bench without what it compares with; resolves to the object in the last line of its output. */
async function bench(...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/bench.mjs', ...args, '--json'], {
    cwd: root,
  });
  return JSON.parse(stdout.trim().split('\n').at(-1) as string);
}

const number = expect.any(Number);

describe('npm run bench', () => {
  it('measures what an event costs against raw ws, under three loads, on each log', async () => {
    const row = { ratio: number, p99Ms: number, cpuPerEventUs: number };
    expect(await bench('events', '--short')).toMatchObject({
      bench: 'events',
      flood: row,
      burst: row,
      open20k: row,
      open20kMemory: row,
    });
  });

  it('measures what it costs to be watched', async () => {
    expect(await bench('inspect', '--short')).toMatchObject({
      bench: 'inspect',
      overheadPercent: number,
      events: number,
      loads: { flood: number, burst: number, open20k: number },
      boot: number,
    });
  });

  it('measures how long probes take beside events and a check that hangs', async () => {
    const row = { probes: number, p50Ms: number, p99Ms: number };
    expect(await bench('probes', '--short')).toMatchObject({
      bench: 'probes',
      apart: expect.any(Boolean),
      app: row,
      inspector: row,
      raw: row,
    });
  });

  it('measures the CPU of a handshake against raw ws', async () => {
    expect(await bench('handshake', '--short')).toMatchObject({
      bench: 'handshake',
      ratio: number,
      cpuPerHandshakeUs: number,
      raw: { cpuPerHandshakeUs: number },
    });
  });

  it('measures the memory of an idle connection beside one of raw ws', async () => {
    expect(await bench('idle', '--short')).toMatchObject({
      bench: 'idle',
      connections: 200,
      bytesPerConnection: number,
      raw: { bytesPerConnection: number },
    });
  });

  it('measures how long a resume takes until the first missed event, and that exactly those come', async () => {
    expect(await bench('resume', '--short')).toMatchObject({ bench: 'resume', p50Ms: number, p99Ms: number });
  });

  it('sends numbered events through the faults, and everything arrives once and in order', async () => {
    expect(await bench('faults-compared', '--short')).toMatchObject({
      bench: 'faults-compared',
      seeds: 1,
      results: { 'Muster, event log in memory': { sent: 1_200, lost: 0, duplicated: 0, disordered: 0 } },
    });
  });

  it('boots layered graphs and a chain, and checks that every service starts once and after all that it needs', async () => {
    const row = {
      n100: { makespanRatio: number },
      n300: { makespanRatio: number },
      cpuPerServiceUs: number,
      firstBootPerServiceUs: number,
    };
    expect(await bench('boot', '--short')).toMatchObject({
      bench: 'boot',
      node: process.version,
      ...row,
      chain300: { ok: true },
      graphPerServiceUs: number,
      inversifyPerServiceUs: number,
      app: { ...row, chain300: { ok: true } },
      peers: { promises: row },
    });
  });

  it('measures the way from a process to an open gate against the same way without Muster', async () => {
    expect(await bench('coldstart', '--short')).toMatchObject({
      bench: 'coldstart',
      node: process.version,
      ratio: number,
      peers: { http: number },
      withoutCodeCache: { ratio: number, peers: { http: number } },
      cpuMs: { node: number, http: number, muster: number },
    });
  });

  it('measures what a scope costs against handwritten constructors, and that everything is disposed of', async () => {
    const row = { ratio: number, bytes: number, ns: number };
    expect(await bench('scope', '--short')).toMatchObject({ bench: 'scope', ...row, peers: { careful: row } });
  });

  it('names the benches there are when asked for another', async () => {
    await expect(
      promisify(execFile)(process.execPath, ['scripts/bench.mjs', 'nope'], { cwd: root }),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'append, boot, coldstart, events, faults-compared, handshake, idle, inspect, nats, probes, resume, scope',
      ),
    });
  });
});
