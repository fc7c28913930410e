/**
 * Runs checks side by side and gathers what came of them, by the numbered point that each belongs to.
 *
 * A check that throws anything but a verdict counts as failed: a kit with a bug must not let a server pass.
 */
import { MusterError } from '@muster/contracts';
import { Deviation, NotApplicable } from './deviation.ts';

/** One thing to be seen of one numbered point. */
export interface Check<C> {
  /** Of docs/protocol.md, `P5.6` for instance. */
  readonly point: string;
  readonly title: string;
  /** @throws Deviation, NotApplicable */
  readonly run: (context: C) => Promise<void>;
}

export type Verdict =
  | { readonly verdict: 'passed' }
  | { readonly verdict: 'not applicable'; readonly reason: string }
  | { readonly verdict: 'failed'; readonly expected: string; readonly got: string; readonly frames: readonly string[] };

export type Outcome = { readonly point: string; readonly title: string } & Verdict;

/** Whether `only` asks for a point: by its number, or by the number of its part. An empty list asks for all. */
export function isWanted(point: string, only: readonly string[]): boolean {
  return only.length === 0 || only.some((each) => point === each || point.startsWith(`${each}.`));
}

/** @param around makes what a check is given, and puts it away again. @returns the outcomes in the order of the checks. */
export async function judge<C>(
  checks: readonly Check<C>[],
  atOnce: number,
  around: (use: (context: C) => Promise<void>) => Promise<void>,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const waiting = [...checks.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [index, { point, title, run }] = next;
      outcomes[index] = { point, title, ...(await verdictOf(() => around(run))) };
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcomes;
}

async function verdictOf(run: () => Promise<void>): Promise<Verdict> {
  try {
    await run();
    return { verdict: 'passed' };
  } catch (error) {
    if (error instanceof NotApplicable) return { verdict: 'not applicable', reason: error.message };
    if (error instanceof Deviation) {
      const { expected, got, frames } = error;
      return { verdict: 'failed', expected, got, frames };
    }
    // What the caller did wrong, such as an address where nobody is, is no verdict about anybody.
    if (error instanceof MusterError) throw error;
    return { verdict: 'failed', expected: 'a check that runs to its end', got: String(error), frames: [] };
  }
}
