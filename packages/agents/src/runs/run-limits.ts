/**
 * How many runs go on at a time: one declared value for the whole app.
 *
 * On a store that several instances share, the two numbers per user hold for all of them together. Each instance counts
 * what others have told it, so what is accepted or begun at the same moment in several places may exceed them; nothing of
 * that is ended. Within moments of it, and ten seconds at the most while the store is in reach, no instance begins another
 * run of a user who has as many. Runs of an instance that has died count until they are taken over. A tool that goes on
 * after the end of its run counts only where it goes on, and which instance takes a free turn is not settled.
 */
import { token } from '@muster/core';

export interface RunLimits {
  /** Runs of one user that go on at a time. @default 8 */
  readonly perUser?: number;
  /** Runs of all users that go on at a time on one instance. @default 512 */
  readonly total?: number;
  /** Accepted runs of one user that wait for their turn; one more is refused with `QUEUE_FULL`. @default 1_000 */
  readonly waitingPerUser?: number;
}

/** Provide one to change them: `provideValue(RunLimits, { perUser: 2 })`. */
export const RunLimits = token<RunLimits>('RunLimits');

export const RUN_LIMITS: Required<RunLimits> = { perUser: 8, total: 512, waitingPerUser: 1_000 };
