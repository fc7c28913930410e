/**
 * What services may know of the app they run in.
 */
import { token } from './declare/dependency.ts';
import type { GraphView } from './graph-view.ts';
import type { Door } from './lifecycle/gate.ts';

/** `new` before start, `failed` after a boot that failed. */
export type AppState = 'new' | 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** Inject this to look at the app from inside. */
export interface Runtime {
  readonly state: AppState;
  readonly gate: Door;
  graph(): GraphView;
}
export const Runtime = token<Runtime>('Runtime');
