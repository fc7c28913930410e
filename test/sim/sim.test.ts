/** The short form of the simulator: some hundred seeds without a violation, and some of the mutants of the engine noticed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';
import { root } from '../journeys/process.ts';

jest.setTimeout(240_000);

async function sim(...args: string[]): Promise<{ stdout: string; result: Record<string, unknown> }> {
  const { stdout } = await promisify(execFile)(process.execPath, ['scripts/sim.mjs', ...args, '--json'], {
    cwd: root,
    maxBuffer: 64 * 2 ** 20,
  });
  return { stdout, result: JSON.parse(stdout.trim().split('\n').at(-1) as string) as Record<string, unknown> };
}

describe('npm run sim', () => {
  it('finds no violation in some hundred seeds, of boots that succeed, fail, are cut short and are given up', async () => {
    const { result } = await sim('--seeds', '400');
    expect(result).toMatchObject({ seeds: 400, violations: 0 });
    expect(Object.keys(result['outcomes'] as object).sort()).toEqual(['aborted', 'boot-failed', 'booted', 'escalated']);
    expect(result['steps']).toBeGreaterThan(50_000);
  });

  it('tells the same story of the same seed', async () => {
    const one = await sim('--seed', '7');
    const other = await sim('--seed', '7');
    expect(one.stdout.split('\n').length).toBeGreaterThan(50);
    expect(other.stdout).toBe(one.stdout);
  });

  it('notices engines that lack a mechanism', async () => {
    const { result } = await sim('--mutants', '--every', '4');
    expect(result).toMatchObject({ alive: [] });
    expect(result['mutants']).toBeGreaterThan(5);
    expect(result['caught']).toBe(result['mutants']);
  });
});
