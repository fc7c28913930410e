/**
 * For those who only look at dumps: views, explanations and differences of them, without container and engine.
 *
 * Loading this costs a fraction of loading the whole package.
 */
export { diffGraphs, type GraphDiff, renderDiff, type TimeChange } from './graph/diff.ts';
export { explain } from './graph/explain.ts';
export { mergeGraphs } from './graph/merge.ts';
export { nearest } from './graph/nearest.ts';
export { escapeStack, escapeText } from './graph/render.ts';
export { GraphView } from './graph-view.ts';
export { redact } from './redact.ts';
