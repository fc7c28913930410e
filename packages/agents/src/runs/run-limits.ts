/** How many runs go on at a time: one declared value for the whole app. */
import { token } from '@muster/core';

export interface RunLimits {
  /** Runs of one user that go on at a time. @default 8 */
  readonly perUser?: number;
  /** Runs of all users that go on at a time. @default 512 */
  readonly total?: number;
  /** Accepted runs of one user that wait for their turn; one more is refused with `QUEUE_FULL`. @default 1_000 */
  readonly waitingPerUser?: number;
}

/** Provide one to change them: `provideValue(RunLimits, { perUser: 2 })`. */
export const RunLimits = token<RunLimits>('RunLimits');

export const RUN_LIMITS: Required<RunLimits> = { perUser: 8, total: 512, waitingPerUser: 1_000 };
