/** `muster check`: everything that is wrong with a graph, before anything of it is started. */
import type { BudgetVerdict, GraphDump } from '@muster/contracts';
import type { Request } from '../commands.ts';
import { EXIT } from '../exit.ts';
import { appOf, planOf } from '../sources/dump-of.ts';
import { printable, type Terminal } from '../terminal.ts';

export async function check(request: Request, terminal: Terminal): Promise<number> {
  const [entry] = request.args as [string];
  const app = await appOf('check', entry, request);
  const dump = planOf(entry, app);
  const { problems, notes, budgets } = dump;
  const ok = problems.length === 0;
  if (request.json) terminal.printJson({ ok, problems, notes, budgets });
  else terminal.print(reportOf(entry, dump));
  return ok ? EXIT.good : EXIT.bad;
}

/** The report for people; ends with a newline. */
export function reportOf(entry: string, { nodes, problems, notes, budgets }: GraphDump): string {
  const found = (mark: string) => (each: GraphDump['problems'][number]) => [
    `  ${mark} ${each.code}: ${printable(each.message)}`,
    `    → ${printable(each.hint)}`,
  ];
  const sound = problems.length === 0;
  const lines = [
    sound
      ? `✔ ${entry} is sound: ${contents(nodes)}`
      : `✘ ${entry} has ${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}: ${contents(nodes)}`,
    ...problems.flatMap(found('✘')),
    // What a broken graph adds up to means nothing.
    ...(sound ? [budgetLine('boot', budgets.boot), budgetLine('stop', budgets.stop)] : []),
    ...notes.flatMap(found('·')),
  ];
  return `${lines.join('\n')}\n`;
}

const NOUNS: Readonly<Record<GraphDump['nodes'][number]['kind'], readonly [one: string, many: string]>> = {
  service: ['service', 'services'],
  task: ['task', 'tasks'],
  factory: ['factory behind the gate', 'factories behind the gate'],
  scoped: ['class with one instance per use', 'classes with one instance per use'],
  value: ['value', 'values'],
  opaque: ['binding made by a function', 'bindings made by functions'],
};

function contents(nodes: GraphDump['nodes']): string {
  const parts = Object.entries(NOUNS).flatMap(([kind, [one, many]]) => {
    const count = nodes.filter((node) => node.kind === kind).length;
    return count === 0 ? [] : [`${count} ${count === 1 ? one : many}`];
  });
  return parts.length === 0 ? 'nothing in it' : parts.join(', ');
}

/** The chain is that of the defaults where these take too much, or where nothing is written down. */
function budgetLine(what: string, { budgetMs, writtenMs, withDefaultsMs, chain, says }: BudgetVerdict): string {
  const along = `along ${shortened(chain).map(printable).join(' → ')}`;
  const isOfDefaults = says === 'shares' || writtenMs === 0;
  const written = writtenMs === 0 ? [] : [`${seconds(writtenMs)} written down${isOfDefaults ? '' : ` ${along}`}`];
  const takes = [...written, `up to ${seconds(withDefaultsMs)} with defaults${isOfDefaults ? ` ${along}` : ''}`];
  const said = withDefaultsMs === 0 ? 'nothing takes any time' : takes.join(', ');
  return `  ${says === 'fits' ? '✔' : '·'} ${what}: ${said}; the budget is ${seconds(budgetMs)}`;
}

/** Its ends tell a long chain as well. */
function shortened(chain: readonly string[]): string[] {
  return chain.length <= 6 ? [...chain] : [...chain.slice(0, 3), `${chain.length - 5} more`, ...chain.slice(-2)];
}

function seconds(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${Number((ms / 1_000).toFixed(2))} s`;
}
