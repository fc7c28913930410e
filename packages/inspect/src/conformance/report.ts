/** What came of the checks, for people and for machines. */
import { printable } from '../terminal.ts';
import type { Outcome } from './judge.ts';

const MARKS = { passed: '✔', failed: '✘', 'not applicable': '·' } as const;

/** One point with all of its checks. */
interface Point {
  readonly point: string;
  readonly verdict: Outcome['verdict'];
  readonly checks: readonly Outcome[];
}

/** A point has failed when a check of it has, and has passed when one of the others has. */
export function pointsOf(outcomes: readonly Outcome[]): Point[] {
  const names = [...new Set(outcomes.map(({ point }) => point))];
  return names.map((point) => {
    const checks = outcomes.filter((outcome) => outcome.point === point);
    const verdict = (['failed', 'passed'] as const).find((each) => checks.some(({ verdict }) => verdict === each));
    return { point, verdict: verdict ?? 'not applicable', checks };
  });
}

/** One line for each point, and below those that failed what happened; ends with a newline. */
export function reportText(what: string, outcomes: readonly Outcome[]): string {
  const points = pointsOf(outcomes);
  const count = (verdict: Outcome['verdict']): number => points.filter((point) => point.verdict === verdict).length;
  const failed = count('failed');
  const sum = `${count('passed')} passed, ${failed} failed, ${count('not applicable')} not applicable`;
  const lines = points.flatMap((point) => [lineOf(point), ...point.checks.flatMap(detailsOf)]);
  const head = failed === 0 ? `✔ ${what} keeps to muster.v1` : `✘ ${what} does not keep to muster.v1`;
  return `${[...lines, `${head}: ${sum}`].map(printable).join('\n')}\n`;
}

/** For `--json`. */
export function reportData(outcomes: readonly Outcome[]): object {
  const points = pointsOf(outcomes);
  return { ok: points.every(({ verdict }) => verdict !== 'failed'), points };
}

function lineOf({ point, verdict, checks }: Point): string {
  const told = verdict === 'failed' ? checks.filter((check) => check.verdict === 'failed') : checks;
  const said = told.map((check) => {
    if (check.verdict !== 'not applicable') return check.title;
    return verdict === 'not applicable' ? check.reason : `${check.title} (not applicable: ${check.reason})`;
  });
  return `${MARKS[verdict]} ${point} ${verdict}: ${said.join('; ')}`;
}

function detailsOf(outcome: Outcome): string[] {
  if (outcome.verdict !== 'failed') return [];
  const { expected, got, frames } = outcome;
  return [`    expected  ${expected}`, `    got       ${got}`, ...frames.map((frame) => `      ${frame}`)];
}
