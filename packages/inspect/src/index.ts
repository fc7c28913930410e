/** Looks at an app from outside: a page, probes and the graph on a listener of its own. The command is `bin/muster.js`. */
export { INSPECT_ERRORS } from './errors.ts';
export { type Inspector, inspector, type InspectorOptions } from './inspector.ts';
export type { Change, Overview, RunEvents } from './live/overview.ts';
