/**
 * Compares what was appended with what was delivered: every event once, in order, to its user alone, and every run whole.
 */
import { type AgentEvent, CLOSE, RUN, type ServerFrame, StateMachine } from '@muster/contracts';

/** What is promised of a run, by its number in the contract; that no secret reaches a client, and no connection ends with 1011. */
export type Guarantee = `R${1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10}` | 'secrets' | '1011';

export interface Verdict {
  events: number;
  lost: number;
  duplicated: number;
  disordered: number;
  foreign: number;
  terminals: { missing: number; extra: number };
  /** Runs that are not what the contract says: a hole in `n`, an unpaired tool, something after the end. */
  illegal: number;
  /** How often a client was sent something that only tools may know. */
  secrets: number;
  /** What was promised and is not so: `R8: …`, each sentence once. */
  broken: string[];
}

export function cleanVerdict(): Verdict {
  return { events: 0, ...NOTHING, terminals: { ...NOTHING.terminals }, broken: [] };
}

/** What a report says where nothing was found, beside how much was looked at. */
export const NOTHING: Readonly<Omit<Verdict, 'events'>> = {
  lost: 0,
  duplicated: 0,
  disordered: 0,
  foreign: 0,
  terminals: { missing: 0, extra: 0 },
  illegal: 0,
  secrets: 0,
  broken: [],
};

/** Notes that a guarantee is broken. */
export function broke(verdict: Pick<Verdict, 'broken'>, guarantee: Guarantee, how: string): void {
  const sentence = `${guarantee}: ${how}`;
  if (!verdict.broken.includes(sentence)) verdict.broken.push(sentence);
}

/** True when that guarantee was found broken. */
export function isBroken({ broken }: Pick<Verdict, 'broken'>, guarantee: string): boolean {
  return broken.some((sentence) => sentence.startsWith(`${guarantee}: `));
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
  if (verdict.disordered > 0) broke(verdict, 'R7', 'a client was given events in another order than that of the log');
  judgeOwner(verdict, new Set(ids), delivered, canary);
  for (const run of new Set(appended.map((event) => event.run)))
    judgeRun(
      verdict,
      appended.filter((event) => event.run === run),
    );
}

/** What an agent was told to be in the log: so many thoughts, which come behind the first two events of its run. */
const RECORDED = /^recorded (\S+) (\d+)$/gm;
const BEFORE_THOUGHTS = 2;

/**
 * Adds what a backend was told to be in the log and is not, whether anybody was shown it or not.
 *
 * @param said what the backends have said, those that were killed as well.
 * @param logs of every thread in which agents have run.
 */
export function judgeRecorded(verdict: Verdict, said: string, logs: readonly (readonly AgentEvent[])[]): void {
  const kept = new Set(logs.flat().map(({ id }) => id));
  for (const [, run, thoughts] of said.matchAll(RECORDED)) {
    if (kept.has(`${run}:${Number(thoughts) + BEFORE_THOUGHTS}`)) continue;
    verdict.lost += 1;
    broke(verdict, 'R1', 'an agent was told of an event as recorded that is not in the log');
  }
}

/** Looks at each frame that a client is sent: no connection may end because of a bug. */
export function noBug(verdict: Pick<Verdict, 'broken'>): (frame: ServerFrame) => void {
  return (frame) => {
    if (frame.type === 'bye' && frame.code === CLOSE.bug) broke(verdict, '1011', 'a connection was closed with 1011');
  };
}

/** Everything that was delivered is in the log, and of the user. What is delivered is acknowledged as well. */
function judgeOwner(
  verdict: Verdict,
  known: ReadonlySet<string>,
  delivered: readonly AgentEvent[],
  canary: string,
): void {
  for (const event of delivered) {
    const isOwn = isOf(event, canary);
    if (!known.has(event.id)) broke(verdict, 'R1', 'an event was shown that is not in the log');
    if (!isOwn) broke(verdict, 'R6', 'a user was shown an event of another');
    if (!known.has(event.id) || !isOwn) verdict.foreign += 1;
  }
}

/** One run has one end, and is what the tables allow. */
function judgeRun(verdict: Verdict, events: readonly AgentEvent[]): void {
  const ends = events.filter(({ event }) => event === 'agent_completed');
  if (ends.length === 0) {
    verdict.terminals.missing += 1;
    broke(verdict, 'R2', 'a run has no terminal');
  }
  for (const end of ends.slice(1)) {
    verdict.terminals.extra += 1;
    const isReaped = end.event === 'agent_completed' && end.data.by === 'reaper';
    broke(verdict, isReaped ? 'R10' : 'R2', `a run has a second terminal${isReaped ? ' by the reaper' : ''}`);
  }
  const wrongs = wrongsOf(events);
  if (wrongs.length > 0) verdict.illegal += 1;
  for (const [guarantee, how] of wrongs) broke(verdict, guarantee, how);
}

/** What the tables do not allow in the events of one run, in this order and to the end. */
function wrongsOf(events: readonly AgentEvent[]): (readonly [Guarantee, string])[] {
  const wrongs: (readonly [Guarantee, string])[] = [];
  const run = new StateMachine('run', RUN, 'accepted');
  const open = new Set<string>();
  for (const { event, data } of events) {
    if (run.can(event)) run.send(event);
    else wrongs.push(['R3', `a run that is ${run.state} has another ${event}`]);
    if (event === 'agent_completed' && open.size > 0)
      wrongs.push(['R4', 'a terminal came before the end of a tool call']);
    if (event === 'tool_executing') open.add(data.callId);
    if (event === 'tool_completed' && !open.delete(data.callId))
      wrongs.push(['R4', 'a tool call ended that was not open']);
  }
  if (open.size > 0) wrongs.push(['R4', 'a tool call has no end']);
  const numbers = events.map(({ n }) => n);
  if (numbers.toSorted((a, b) => a - b).some((n, i) => n !== i + 1)) wrongs.push(['R3', 'n has a hole, or one twice']);
  else if (numbers.some((n, i) => n !== i + 1)) wrongs.push(['R7', 'the events of a run are not in their order']);
  else if (events[1] !== undefined && events[1].event !== 'agent_thinking')
    wrongs.push(['R9', 'a run was accepted without its first thought']);
  return wrongs;
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
  for (const count of ['events', 'lost', 'duplicated', 'disordered', 'foreign', 'illegal', 'secrets'] as const)
    to[count] += found[count];
  for (const count of ['missing', 'extra'] as const) to.terminals[count] += found.terminals[count];
  to.broken = [...new Set([...to.broken, ...found.broken])];
}

/** True when nothing was found, however much was looked at. */
export function isClean({ events: _, broken, terminals, ...counts }: Verdict): boolean {
  const found = [...Object.values(counts), terminals.missing, terminals.extra, broken.length];
  return found.every((count) => count === 0);
}
