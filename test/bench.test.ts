/** The short form of the benches: they run, and say what they measured as one JSON object in their last line. */
import { describe, expect, it, jest } from '@jest/globals';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { root } from './journeys/process.ts';

jest.setTimeout(60_000);

describe('npm run bench', () => {
  it('measures delivery against raw ws and prints one JSON object as its last line', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['scripts/bench.mjs', 'delivery', '--json'], {
      cwd: root,
    });
    const result = JSON.parse(stdout.trim().split('\n').at(-1) as string) as { results: { ratioToRawWs: number }[] };
    expect(result).toMatchObject({ bench: 'delivery', events: 20_000 });
    expect(result.results.map(({ ratioToRawWs }) => ratioToRawWs > 0)).toEqual([true, true]);
  });

  it('names the benches there are when asked for another', async () => {
    await expect(
      promisify(execFile)(process.execPath, ['scripts/bench.mjs', 'nope'], { cwd: root }),
    ).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('boot, delivery'),
    });
  });
});
