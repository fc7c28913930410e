/** What the kit makes of its checks: verdicts, points, and the choice of them. */
import { describe, expect, it } from '@jest/globals';
import { Deviation, NotApplicable } from '../../packages/inspect/src/conformance/deviation.ts';
import { isWanted, judge } from '../../packages/inspect/src/conformance/judge.ts';
import { pointsOf, reportText } from '../../packages/inspect/src/conformance/report.ts';
import { inspectError } from '../../packages/inspect/src/errors.ts';

const check = (point: string, run: () => Promise<void>) => ({ point, title: `looks at ${point}`, run });
const around = (use: (context: undefined) => Promise<void>): Promise<void> => use(undefined);

const CHECKS = [
  check('P1.1', async () => {}),
  check('P1.1', async () => {
    throw new NotApplicable('it is dark');
  }),
  check('P1.2', async () => {
    throw new Deviation('light', 'darkness', ['came   nothing']);
  }),
  check('P1.3', async () => {
    throw new TypeError('x is no function');
  }),
  check('P1.4', async () => {
    throw new NotApplicable('it is dark');
  }),
];

describe('judge', () => {
  it('tells what passed from what failed and from what cannot be seen; a broken check has not passed', async () => {
    const points = pointsOf(await judge(CHECKS, 2, around));
    expect(points.map(({ point, verdict }) => `${point} ${verdict}`)).toEqual([
      'P1.1 passed',
      'P1.2 failed',
      'P1.3 failed',
      'P1.4 not applicable',
    ]);
    expect(points[2]?.checks[0]).toMatchObject({ got: 'TypeError: x is no function' });
  });

  it('prints one line for each point, and what happened below those that failed', async () => {
    expect(reportText('it', await judge(CHECKS, 2, around)).split('\n')).toEqual([
      '✔ P1.1 passed: looks at P1.1; looks at P1.1 (not applicable: it is dark)',
      '✘ P1.2 failed: looks at P1.2',
      '    expected  light',
      '    got       darkness',
      '      came   nothing',
      '✘ P1.3 failed: looks at P1.3',
      '    expected  a check that runs to its end',
      '    got       TypeError: x is no function',
      '· P1.4 not applicable: it is dark',
      '✘ it does not keep to muster.v1: 1 passed, 2 failed, 1 not applicable',
      '',
    ]);
  });

  it('gives no verdict where nothing could be tried', async () => {
    const gone = inspectError('CLIENT_NOT_STARTED', { command: 'c', reason: 'ENOENT' });
    const checks = [check('P1.1', () => Promise.reject(gone))];
    await expect(judge(checks, 1, around)).rejects.toBe(gone);
  });

  it('takes a part for all of its points, and P1 not for P10', () => {
    expect(['P1.1', 'P10.1', 'P1.10', 'P14'].map((point) => isWanted(point, ['P1', 'P14']))).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect([isWanted('P1.10', ['P1.1']), isWanted('P9.9', [])]).toEqual([false, true]);
  });
});
