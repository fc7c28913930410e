/**
 * Compares what was appended with what was delivered: every event once, in order, to its user alone, and every run whole.
 */
import { type AgentEvent, RUN, StateMachine } from '@muster/contracts';

export interface Verdict {
  events: number;
  lost: number;
  duplicated: number;
  disordered: number;
  foreign: number;
  terminals: { missing: number; extra: number };
  /** Runs that are not what the contract says: a hole in `n`, an unpaired tool, something after the end. */
  illegal: number;
}

export function cleanVerdict(): Verdict {
  return {
    events: 0,
    lost: 0,
    duplicated: 0,
    disordered: 0,
    foreign: 0,
    terminals: { missing: 0, extra: 0 },
    illegal: 0,
  };
}

/**
 * Adds what is wrong with one stream of one client.
 *
 * @param appended everything in the log, in order.
 * @param delivered what the client's handler was given, in order.
 * @param canary what every text of this user has, and no other's.
 */
export function judge(
  verdict: Verdict,
  appended: readonly AgentEvent[],
  delivered: readonly AgentEvent[],
  canary: string,
): void {
  verdict.events += appended.length;
  const ids = appended.map(({ id }) => id);
  compare(
    verdict,
    ids,
    delivered.map(({ id }) => id),
  );
  const known = new Set(ids);
  verdict.foreign += delivered.filter((event) => !known.has(event.id) || !isOf(event, canary)).length;
  const ends = new Map<string, number>();
  for (const { run, event } of appended) ends.set(run, (ends.get(run) ?? 0) + (event === 'agent_completed' ? 1 : 0));
  for (const count of ends.values()) {
    if (count === 0) verdict.terminals.missing += 1;
    if (count > 1) verdict.terminals.extra += count - 1;
  }
  for (const run of ends.keys()) if (!isLegal(appended.filter((event) => event.run === run))) verdict.illegal += 1;
}

/** True when the tables allow the events of one run, in this order and to the end. */
function isLegal(events: readonly AgentEvent[]): boolean {
  const run = new StateMachine('run', RUN, 'accepted');
  const open = new Set<string>();
  for (const [i, { event, n, data }] of events.entries()) {
    if (n !== i + 1 || !run.can(event)) return false;
    run.send(event);
    if (event === 'tool_executing') open.add(data.callId);
    if (event === 'tool_completed' && !open.delete(data.callId)) return false;
  }
  return open.size === 0;
}

/** Adds what was lost, came twice, or came after one that is later. Ids stand in the order in which they were sent. */
export function compare(
  found: Pick<Verdict, 'lost' | 'duplicated' | 'disordered'>,
  sent: readonly string[],
  delivered: readonly string[],
): void {
  const place = new Map(sent.map((id, i) => [id, i]));
  const seen = new Set<string>();
  let last = -1;
  for (const id of delivered) {
    const at = place.get(id);
    if (seen.has(id)) found.duplicated += 1;
    else if (at !== undefined && at < last) found.disordered += 1;
    seen.add(id);
    last = Math.max(last, at ?? last);
  }
  found.lost += sent.filter((id) => !seen.has(id)).length;
}

/** Errors of the framework have no text of the user. */
function isOf({ event, data }: AgentEvent, canary: string): boolean {
  if (event === 'agent_completed' && data.status !== 'success') return true;
  const text = JSON.stringify(data);
  return !text.includes('canary') || text.includes(canary);
}

/** Adds what another run found. */
export function addVerdict(to: Verdict, found: Verdict): void {
  for (const count of ['events', 'lost', 'duplicated', 'disordered', 'foreign', 'illegal'] as const)
    to[count] += found[count];
  for (const count of ['missing', 'extra'] as const) to.terminals[count] += found.terminals[count];
}

/** True when nothing was found, however much was looked at. */
export function isClean({ lost, duplicated, disordered, foreign, illegal, terminals }: Verdict): boolean {
  return lost + duplicated + disordered + foreign + illegal + terminals.missing + terminals.extra === 0;
}
