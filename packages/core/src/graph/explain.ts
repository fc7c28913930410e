/**
 * Says of one node why it is up or not, since when, what happens next, and what to do about it.
 *
 * Works on a dump alone, so it explains a running app, a failed boot and a file from last week alike.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';
import { duration, escapeText } from './render.ts';

/** A node by its id or by the name of a token that it provides. */
export function findNode(dump: GraphDump, name: string): DumpNode | undefined {
  return dump.nodes.find((node) => node.id === name) ?? dump.nodes.find((node) => node.tokens.includes(name));
}

/** Several lines of text; ends with a newline. */
export function explain(dump: GraphDump, node: DumpNode): string {
  const lines = [
    headline(node),
    ...reasons(dump, node).map((line) => `  ${line}`),
    ...times(node).map((line) => `  ${line}`),
    ...neighbours(dump, node).map((line) => `  ${line}`),
    `  → ${nextStep(dump, node)}`,
  ];
  return `${lines.join('\n')}\n`;
}

function headline(node: DumpNode): string {
  const name = escapeText(node.id);
  const tokens = node.tokens.length > 0 ? ` (${node.tokens.map(escapeText).join(', ')})` : '';
  const place = node.declaredAt === null ? '' : `, declared at ${escapeText(node.declaredAt)}`;
  const life = hasLife(node) ? `${article(node.kind)}${standing(node)}` : `${article(node.kind)} without a lifecycle`;
  return `${name}${tokens} is ${life}${place}.`;
}

function article(kind: DumpNode['kind']): string {
  const noun = {
    service: 'service',
    task: 'task',
    factory: 'factory behind the gate',
    scoped: 'class with one instance per use',
    value: 'value',
    opaque: 'binding that is made by a function',
  }[kind];
  return `a ${noun}`;
}

function hasLife(node: DumpNode): boolean {
  return node.kind === 'service' || node.kind === 'task';
}

/** Phases in which nothing goes on. */
const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'skipped', 'stopped']);

function standing({ phase, health, sinceMs }: DumpNode): string {
  const passed = sinceMs === undefined ? undefined : duration(sinceMs);
  const since = passed === undefined ? '' : ENDED.has(phase) ? ` ${passed} ago` : ` for ${passed}`;
  return `, ${phase}${phase === 'running' ? ` and ${health}` : ''}${since}`;
}

function reasons(dump: GraphDump, node: DumpNode): string[] {
  const lines: string[] = [];
  if (node.reason !== null) lines.push(`Reason: ${escapeText(node.reason)}`);
  if (node.healthAgeMs !== null) lines.push(`Its last verdict is ${duration(node.healthAgeMs)} old.`);
  if (node.deepCheck !== undefined) {
    const { reason, ageMs, tookMs } = node.deepCheck;
    const went = reason === null ? `passed in ${duration(tookMs)}` : `failed: ${escapeText(reason)}`;
    lines.push(`Its last deep check, ${duration(ageMs)} ago, ${went}.`);
  }
  const others = node.phase === 'registered' ? [] : node.blockedBy.filter((id) => id !== node.id);
  if (others.length > 0) lines.push(`It is held up by ${others.map(escapeText).join(', ')}.`);
  if (node.degradedBy.length > 0) lines.push(`It does without ${node.degradedBy.map(escapeText).join(', ')}.`);
  if (node.differsFrom !== undefined)
    lines.push(`It is configured otherwise on ${node.differsFrom.map(escapeText).join(', ')}.`);
  if (node.job !== null) {
    lines.push(
      `Last job: ${node.job.kind} because of ${escapeText(node.job.cause)}, ${node.job.result ?? 'still going on'}.`,
    );
  }
  for (const problem of dump.problems) {
    if (problem.nodes.includes(node.id)) lines.push(`Problem ${problem.code}: ${escapeText(problem.message)}`);
  }
  return lines;
}

function times(node: DumpNode): string[] {
  if (node.startMs === null) return [];
  const parts = [
    `waited ${duration(node.waitMs ?? 0)}`,
    `started in ${duration(node.startMs)}`,
    `checked in ${duration(node.checkMs ?? 0)}`,
    ...(node.hookMs === null ? [] : [`ran hooks in ${duration(node.hookMs)}`]),
  ];
  const attempts = `${node.attempts} ${node.attempts === 1 ? 'attempt' : 'attempts'}`;
  const slack = node.onCriticalPath
    ? 'it is on the critical path'
    : `it could have taken ${duration(node.slackMs ?? 0)} longer`;
  return [`It ${parts.join(', ')}, in ${attempts}; ${slack}.`];
}

function neighbours(dump: GraphDump, node: DumpNode): string[] {
  const byId = new Map(dump.nodes.map((each) => [each.id, each]));
  const below = dump.edges.filter((edge) => edge.from === node.id);
  const above = dump.edges.filter((edge) => edge.to === node.id).map((edge) => escapeText(edge.from));
  const lines = below.map(
    (edge) => `${verb(edge)} ${escapeText(edge.to)} (${standingOf(byId.get(edge.to))})${terms(edge)}`,
  );
  if (above.length > 0) lines.push(`Needed by ${above.join(', ')}.`);
  return lines;
}

/** A phase, or what it is where it has none. */
function standingOf(node: DumpNode | undefined): string {
  if (node === undefined) return 'absent';
  return hasLife(node) ? node.phase : node.kind;
}

function verb(edge: DumpEdge): string {
  if (edge.kind === 'after') return 'Starts after';
  return edge.need === 'optional' ? 'Can do without' : 'Needs';
}

function terms(edge: DumpEdge): string {
  const said = [
    ...(edge.until === 'healthy' || edge.kind === 'after' ? [] : [`until ${edge.until}`]),
    ...(edge.onLoss === 'gate' || edge.kind === 'after' ? [] : [`on loss: ${edge.onLoss}`]),
    ...(edge.source === 'observed' ? ['observed'] : []),
    ...(edge.releasedAtMs === null ? [] : [`released at ${duration(edge.releasedAtMs)}`]),
  ];
  return said.length === 0 ? '' : `, ${said.join(', ')}`;
}

function meanwhile({ shared }: DumpNode): string {
  return shared
    ? ', and what needs it goes on without it'
    : ', and gates that need it stay closed until it answers well';
}

function nextStep(dump: GraphDump, node: DumpNode): string {
  const problem = dump.problems.find((each) => each.nodes.includes(node.id));
  if (problem !== undefined) return escapeText(problem.hint);
  if (!hasLife(node)) return 'Nothing has to be done.';
  const [cause] = node.blockedBy.filter((id) => id !== node.id);
  switch (node.phase) {
    case 'registered':
      return dump.state === 'new' ? 'It starts with the app.' : 'It was never started.';
    case 'waiting':
      return cause === undefined ? 'It starts at once.' : `It starts when ${escapeText(cause)} is ready; look there.`;
    case 'starting':
      return node.progress === null ? 'It is starting.' : `It is starting: ${escapeText(node.progress)}.`;
    case 'standby':
      return 'It starts here when this instance is given the lead.';
    case 'backoff':
      return node.nextAttemptInMs === undefined
        ? 'It is tried again after a pause; mend what the reason says.'
        : `It is tried again in ${duration(node.nextAttemptInMs)}, or at once with app.restart(); mend what the reason says.`;
    case 'running':
    case 'completed':
      if (node.health === 'unhealthy')
        return `It is asked again every second${meanwhile(node)}. See what its check() reports.`;
      return cause === undefined
        ? 'Nothing has to be done.'
        : `It is not ready before ${escapeText(cause)} is; look there.`;
    case 'failed':
      return 'It is not tried again. Mend what the reason says, then start the app again, or call app.restart().';
    case 'skipped':
      return 'It was not started because of what the reason says; look there.';
    case 'stopping':
      return 'It is being stopped.';
    default:
      return 'It is stopped.';
  }
}
