/**
 * The values that Muster's own scopes are opened with.
 */
import { declareValue } from '../declare/scope-value.ts';
import type { Principal } from '../principal.ts';

/** Which run a scope serves. */
export interface CurrentRun {
  readonly run: string;
  readonly thread: string;
}
export const CurrentRun = declareValue<CurrentRun, 'run'>('CurrentRun', ['run']);

/** Whose scope it is. */
export interface CurrentPrincipal extends Principal {}
export const CurrentPrincipal = declareValue<CurrentPrincipal, 'user' | 'run' | 'connection'>('CurrentPrincipal', [
  'user',
  'run',
  'connection',
]);

/** Aborted when the run or the connection is to end. */
export interface CurrentSignal extends AbortSignal {}
export const CurrentSignal = declareValue<CurrentSignal, 'run' | 'connection'>('CurrentSignal', ['run', 'connection']);
