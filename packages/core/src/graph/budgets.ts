/**
 * Whether the times that somebody wrote down fit into each other and into the budgets of the app.
 *
 * A default only takes its share of a budget, so a chain of defaults that is too long is a note and not a problem.
 */
import type { BudgetVerdict } from '@muster/contracts';
import { type Costs, criticalPath, type LongestPath } from './critical-path.ts';
import { at, type GraphProblem } from './problems.ts';
import type { WrittenTimes } from './provider.ts';
import type { GraphNode } from './graph-node.ts';

/** All times in milliseconds. */
export interface BudgetOptions {
  readonly bootMs: number;
  /** What services may take of the stop. */
  readonly stopMs: number;
  readonly defaults: { readonly startMs: number; readonly stopMs: number };
}

export interface BudgetReport {
  readonly verdicts: { readonly boot: BudgetVerdict; readonly stop: BudgetVerdict };
  readonly problems: readonly GraphProblem[];
  readonly notes: readonly GraphProblem[];
}

/** @param order a plan's: each node after all that it needs. */
export function checkBudgets(order: readonly GraphNode[], options: BudgetOptions): BudgetReport {
  const { bootMs, stopMs, defaults } = options;
  /** The longest chain of services; where nobody has written anything down, it decides. */
  let longest: LongestPath | undefined;
  const chain = (): LongestPath => (longest ??= criticalPath(order, (node) => (node.isAlive ? 1 : 0)));
  const boot = verdict(order, chain, bootMs, ({ startMs }) => startMs, defaults.startMs);
  const stop = verdict(order, chain, stopMs, (times) => times.stopMs, defaults.stopMs);
  const inner = order.filter(({ times }) => !isSilent(times)).flatMap((node) => innerProblems(node, options));
  return {
    verdicts: { boot, stop },
    problems: [...inner, ...overBudget('start', boot), ...overBudget('stop', stop)],
    notes: [...shares('start', boot), ...shares('stop', stop)],
  };
}

const NONE: readonly never[] = [];

/** The longest chain of written times, and whether that and the one with defaults fit. */
function verdict(
  order: readonly GraphNode[],
  longest: () => LongestPath,
  budgetMs: number,
  written: (times: WrittenTimes) => number | undefined,
  otherwise: number,
): BudgetVerdict {
  const costs =
    (missing: number): Costs =>
    (node) =>
      node.isAlive ? (written(node.times) ?? missing) : 0;
  const isWritten = order.some(({ times }) => written(times) !== undefined);
  const own = isWritten ? criticalPath(order, costs(0)) : { nodes: NONE, ms: 0 };
  const all = isWritten
    ? criticalPath(order, costs(otherwise))
    : { nodes: longest().nodes, ms: longest().ms * otherwise };
  const says = own.ms > budgetMs ? 'exceeds' : all.ms > budgetMs ? 'shares' : 'fits';
  const chain = says === 'shares' || own.ms === 0 ? all.nodes : own.nodes;
  return { budgetMs, writtenMs: own.ms, withDefaultsMs: all.ms, chain, says };
}

function isSilent({ startMs, stopMs, healthMs }: WrittenTimes): boolean {
  return startMs === undefined && stopMs === undefined && healthMs === undefined;
}

/** An inner time that is not below the outer one can never be seen to end. */
function innerProblems(node: GraphNode, { bootMs, stopMs, defaults }: BudgetOptions): GraphProblem[] {
  const { times } = node;
  const pairs: [string, number | undefined, string, number][] = [
    ['start.timeoutMs', times.startMs, 'boot.budgetMs', bootMs],
    ['stop.timeoutMs', times.stopMs, 'the part of stop.budgetMs that services have', stopMs],
    [
      'health.timeoutMs',
      times.healthMs,
      'start.timeoutMs, in which the first check has to answer',
      times.startMs ?? defaults.startMs,
    ],
  ];
  return pairs
    .filter(([, inner, , outer]) => inner !== undefined && inner >= outer)
    .map(([name, inner, outerName, outer]) => ({
      code: 'TIMEOUT_ORDER' as const,
      nodes: [node.id],
      message: `${at(node.id, node.provider.declaredAt)}: ${name} is ${inner} ms and must be below ${outerName}, which is ${outer} ms.`,
      hint: 'Lower the inner time or raise the outer one; as it is, the outer always ends first and the inner never means anything.',
    }));
}

function overBudget(what: 'start' | 'stop', { says, writtenMs, budgetMs, chain }: BudgetVerdict): GraphProblem[] {
  if (says !== 'exceeds' || chain.length < 2) return [];
  return [
    {
      code: 'OVER_BUDGET',
      nodes: chain,
      message: `The ${what}.timeoutMs written along ${chain.join(' → ')} add up to ${writtenMs} ms, and ${what === 'start' ? 'boot.budgetMs is' : 'services have'} ${budgetMs} ms.`,
      hint: `Lower some of them, or raise ${what === 'start' ? 'boot' : 'stop'}.budgetMs.`,
    },
  ];
}

function shares(what: 'start' | 'stop', { says, withDefaultsMs, budgetMs, chain }: BudgetVerdict): GraphProblem[] {
  if (says !== 'shares') return [];
  return [
    {
      code: 'DEFAULTS_SHARE_BUDGET',
      nodes: chain,
      message: `With defaults, the ${what} times along the longest chain add up to ${withDefaultsMs} ms, and the budget is ${budgetMs} ms.`,
      hint: 'Nothing has to be done: each gets its share of what is left. Write timeouts down where a service needs a certain time.',
    },
  ];
}
