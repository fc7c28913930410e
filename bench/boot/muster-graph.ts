/**
 * What Muster's graph and plan take of a boot, without the engine that starts anything.
 */
export { defineGraph as define } from '../muster-engine.ts';
