/** Looks at an app from outside: page, probes, graph and metrics on a listener of its own; logs and traces. The command is `bin/muster.js`. */
export { INSPECT_ERRORS } from './errors.ts';
export { type Inspector, inspector, type InspectorOptions } from './inspector.ts';
export type { Change, Overview, RunEvents } from './live/overview.ts';
export { lineReporter, type LogOptions, type PinoLike, pinoReporter } from './logs/reporters.ts';
export { traces, type TracesOptions } from './traces/tracing.ts';
