/**
 * What the boot bench asks of a contender: one function that defines services as its documentation shows it.
 */
import type { Needs } from './shape.ts';

/** Starts a service; called once each, after all that it needs have started. Returns nothing where the start costs nothing. */
export type Start = (service: number) => void | Promise<void>;

/**
 * Boots what was defined, and resolves when every service has started. What it resolves to stops them; a contender that
 * leaves nothing behind, no timer and no handle, has nothing to stop.
 */
export type Boot = () => Promise<(() => unknown) | void>;

/** Everything before the boot: classes, decorators, registrations. */
export type Define = (needs: Needs, start: Start) => Boot | Promise<Boot>;
