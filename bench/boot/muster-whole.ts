/**
 * Muster's engine as a contender, with graph, validation and plan in its wall time.
 */
export { defineWhole as define } from '../muster-engine.ts';
