/** One directed scenario: it puts a real backend into exactly the situation in which a guarantee counts. */
import type { Verdict } from './ledger.ts';

export interface DrillContext {
  /** The bundled backend. */
  readonly backend: string;
  /** What is found is added to it. */
  readonly verdict: Verdict;
  /** Of the points at which something can happen to a run, every so manieth is tried. */
  readonly every: number;
  /** True when nobody wants to know more. */
  readonly isEnough: () => boolean;
}

/** @throws Error when something does not come to rest that no guarantee speaks of. */
export type Drill = (context: DrillContext) => Promise<void>;

/** Tries point after point, some at a time, until one says that it lies beyond the end. */
export async function atEveryPoint({ every, isEnough }: DrillContext, attempt: (point: number) => Promise<boolean>) {
  let [next, isOver] = [1, false];
  const work = async (): Promise<void> => {
    while (!isOver && !isEnough()) {
      const point = next;
      next += every;
      if (!(await attempt(point))) isOver = true;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** Most of an attempt is waiting. */
const AT_ONCE = 4;
