/**
 * Why something was given up: the typed reason of every abort signal that the engine hands out.
 */
import { MusterError } from '@muster/contracts';
import { coreError } from '../errors.ts';

/**
 * - `budget`: the boot budget ended. `failure`: another required service failed for good.
 * - `stop`: the app or the service is being stopped. `crash`: the service itself has died.
 */
export type AbandonedWhy = 'budget' | 'failure' | 'stop' | 'crash';

/** Makes the reason of an abort. */
export function abandoned(what: string, why: AbandonedWhy, reason: string): MusterError {
  return coreError('ABORTED', { what, why, reason });
}

/** Why a signal was aborted; `undefined` for one that was aborted by somebody else. */
export function whyAbandoned(reason: unknown): AbandonedWhy | undefined {
  if (!(reason instanceof MusterError) || reason.code !== 'ABORTED') return undefined;
  return reason.details['why'] as AbandonedWhy;
}
