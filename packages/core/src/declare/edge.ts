/**
 * What one service may want of another, as three separate things: order, requirement, and what a loss means.
 *
 * They are separate because they differ in life: a migration must have ended, a cache may be down, a socket must close.
 */

/** How far the other side must have come: ready, merely running, or ended (a task). */
export type Until = 'healthy' | 'started' | 'completed';

/** Whether one can do without it. */
export type Need = 'required' | 'optional';

/**
 * What it means when the other side is lost after the start:
 * - `gate`: not ready any more, so gates close;
 * - `degrade`: still ready, shown as degraded;
 * - `restart`: not ready, and stopped and started again once the other side is back after a crash;
 * - `stop`: as `restart`, but stopped the moment the other side crashes;
 * - `ignore`: nothing.
 */
export type OnLoss = 'gate' | 'degrade' | 'restart' | 'stop' | 'ignore';

/** The terms of an edge. `after` is order alone: it waits until the other side's start has ended, however it ended. */
export interface EdgeTerms {
  readonly kind: 'needs' | 'after';
  readonly until: Until;
  readonly need: Need;
  readonly onLoss: OnLoss;
}

/** What a plain entry of `dependsOn` means. */
export const PLAIN: EdgeTerms = { kind: 'needs', until: 'healthy', need: 'required', onLoss: 'gate' };

/** What an entry of `after` means. */
export const AFTER: EdgeTerms = { kind: 'after', until: 'started', need: 'optional', onLoss: 'ignore' };

/** What `optional(Token)` means. */
export const OPTIONAL: EdgeTerms = { kind: 'needs', until: 'healthy', need: 'optional', onLoss: 'degrade' };

/** What `gated(Factory)` means: it has to be there, and no start waits for it; a permit gets it out. */
export const GATED: EdgeTerms = { kind: 'needs', until: 'started', need: 'required', onLoss: 'ignore' };

/** True for an edge without which its node is not ready. */
export function isGating(edge: EdgeTerms): boolean {
  return isRequirement(edge) && (edge.onLoss === 'gate' || edge.onLoss === 'restart' || edge.onLoss === 'stop');
}

/** True for an edge without which its node does not start. */
export function isRequirement(edge: EdgeTerms): boolean {
  return edge.kind === 'needs' && edge.need === 'required';
}

const STRENGTH_OF_UNTIL: Readonly<Record<Until, number>> = { started: 0, healthy: 1, completed: 2 };
const STRENGTH_OF_LOSS: Readonly<Record<OnLoss, number>> = { ignore: 0, degrade: 1, gate: 2, restart: 3, stop: 4 };

/** The terms that keep the promises of both: two entries of one class on the same other side are one edge. */
export function stronger(a: EdgeTerms, b: EdgeTerms): EdgeTerms {
  return {
    kind: a.kind === 'needs' ? 'needs' : b.kind,
    until: STRENGTH_OF_UNTIL[a.until] >= STRENGTH_OF_UNTIL[b.until] ? a.until : b.until,
    need: a.need === 'required' ? 'required' : b.need,
    onLoss: STRENGTH_OF_LOSS[a.onLoss] >= STRENGTH_OF_LOSS[b.onLoss] ? a.onLoss : b.onLoss,
  };
}
