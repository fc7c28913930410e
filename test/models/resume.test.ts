/**
 * The model of resuming holds in every state that there is, and each mechanism that is left out of it is found missing.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it, jest } from '@jest/globals';

jest.setTimeout(60_000);

const run = promisify(execFile);
const model = fileURLToPath(new URL('resume.pml', import.meta.url));
const hasSpin = existsSync('/usr/bin/spin') && existsSync('/usr/bin/gcc');
const mandatory = process.env['CI'] === 'true';
if (!hasSpin && !mandatory) {
  console.warn(
    'Skipped: the model of resuming, because there is no spin. On Debian: apt-get install spin gcc libc6-dev',
  );
}

/** What spin says of the model with this macro defined: its errors, and how many states it has looked at. */
async function verdict(macro: string): Promise<{ errors: number; states: number; violated: string | undefined }> {
  const directory = await mkdtemp(join(tmpdir(), 'muster-'));
  try {
    const options = { cwd: directory, maxBuffer: 2 ** 24 };
    await run('spin', ['-a', `-D${macro}`, model], options);
    // A violation is found so soon that a compiler that takes its time would be what is waited for.
    const effort = macro === 'COMPLETE' ? '-O1' : '-O0';
    await run('gcc', [effort, '-DSAFETY', '-DCOLLAPSE', '-w', '-o', 'pan', 'pan.c'], options);
    // A stuck process is not an error by itself: what has to be so when nothing moves any more is asserted.
    const { stdout } = await run('./pan', ['-m200000', '-E', '-w22'], options);
    return {
      errors: Number(/errors: (\d+)/.exec(stdout)?.[1] ?? Number.NaN),
      states: Number(/(\d+) states, stored/.exec(stdout)?.[1] ?? Number.NaN),
      violated: /assertion violated (.*) \(at depth/.exec(stdout)?.[1],
    };
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

(hasSpin || mandatory ? describe : describe.skip)('the model of resuming', () => {
  it('delivers every event once, in order, whatever is cut, lost or overlaps', async () => {
    const { errors, states } = await verdict('COMPLETE');
    expect(errors).toBe(0);
    expect(states).toBeGreaterThan(1_000_000);
  });

  it.each([
    ['REPLAY_THEN_SUBSCRIBE', 'last==3'],
    ['NO_DEDUPE', 'processed[offset]==1'],
    ['NO_PULL', 'last==3'],
    ['NO_FENCE', 'open==1'],
    ['NO_POSITIONS', 'last==3'],
  ])('does not without its mechanism: %s', async (macro, violated) => {
    expect(await verdict(macro)).toMatchObject({ errors: 1, violated: expect.stringContaining(violated) });
  });
});
