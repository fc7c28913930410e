/**
 * The dump of an app, version 1: what was, is and will be, as one JSON document with a stable shape.
 *
 * One schema, from which type, parser and JSON Schema come; `docs/graph.schema.json` is made of it.
 * Times are in milliseconds, and `null` until known. Lists stand in a fixed order, so dumps can be compared as text.
 */
import * as v from 'valibot';
import { contractError } from './errors.ts';

type DeepReadonly<T> = T extends (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T;

const ms = v.pipe(v.number(), v.minValue(0));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const ids = v.array(v.string());

/** What the engine last did with a service, or is doing. */
const Job = v.object({
  kind: v.picklist(['start', 'restart', 'stop']),
  /** Why: `boot`, `crash`, `DatabaseA was restarted`, `SIGTERM`. */
  cause: v.string(),
  /** `null` while it goes on. */
  result: v.nullable(v.picklist(['done', 'canceled', 'timeout', 'failed', 'dependency', 'skipped'])),
});
export type Job = DeepReadonly<v.InferOutput<typeof Job>>;

const DumpNode = v.object({
  id: v.string(),
  kind: v.picklist(['service', 'task', 'factory', 'scoped', 'value', 'opaque']),
  /** Names of the tokens that it provides. */
  tokens: ids,
  /** `file:line` of its declaration. */
  declaredAt: v.nullable(v.string()),
  scope: v.picklist(['singleton', 'transient', 'request']),
  tags: ids,
  shared: v.boolean(),
  /** False for what is only wanted as optional. */
  essential: v.boolean(),
  /** Length of the longest path below it; -1 in a circle. */
  rank: v.number(),
  needs: ids,
  phase: v.string(),
  health: v.string(),
  /** How long it has been in this phase with this health; absent for what has not been started. */
  sinceMs: v.optional(ms),
  /** When it is tried again; absent where no attempt is planned. */
  nextAttemptInMs: v.optional(ms),
  /** Since when the last verdict stands. */
  healthAgeMs: v.nullable(ms),
  /** Why it is not healthy or not up. */
  reason: v.nullable(v.string()),
  /** Optional or degradable dependencies that are down. */
  degradedBy: ids,
  desired: v.nullable(v.picklist(['up', 'down'])),
  job: v.nullable(Job),
  generation: count,
  attempts: count,
  /** From the start of the boot until all its edges were satisfied. */
  waitMs: v.nullable(ms),
  /** `start()` of the attempt that succeeded. */
  startMs: v.nullable(ms),
  /** From the end of `start()` to the first healthy check. */
  checkMs: v.nullable(ms),
  /** Of the hooks of `onReady`. */
  hookMs: v.nullable(ms),
  /** The last thing that `start()` said. */
  progress: v.nullable(v.string()),
  /** How much longer it could have taken without a longer boot. */
  slackMs: v.nullable(ms),
  onCriticalPath: v.boolean(),
  /** Root causes only: what is not ready though nothing it needs is unready. */
  blockedBy: ids,
  /** How its last deep check went; absent where none was made. */
  deepCheck: v.optional(
    v.object({
      /** What failed; `null` when it passed. */
      reason: v.nullable(v.string()),
      ageMs: ms,
      tookMs: ms,
    }),
  ),
  /** Of a factory: ids of the instances that have configured it otherwise; absent where none has. */
  differsFrom: v.optional(ids),
});
export type DumpNode = DeepReadonly<v.InferOutput<typeof DumpNode>>;

const DumpEdge = v.object({
  from: v.string(),
  to: v.string(),
  kind: v.picklist(['needs', 'after']),
  until: v.picklist(['healthy', 'started', 'completed']),
  need: v.picklist(['required', 'optional']),
  onLoss: v.picklist(['gate', 'degrade', 'restart', 'stop', 'ignore']),
  /** `remote`, in the graph of several instances: from what stands for a service to one that has it. */
  source: v.picklist(['declared', 'observed', 'remote']),
  /** `file:line` of the declaration that has it. */
  declaredAt: v.nullable(v.string()),
  /** When it was first satisfied, from the start of the boot on. */
  releasedAtMs: v.nullable(ms),
});
export type DumpEdge = DeepReadonly<v.InferOutput<typeof DumpEdge>>;

const Verdict = v.object({
  budgetMs: ms,
  /** The longest chain of times that somebody wrote down. */
  writtenMs: ms,
  /** The same with defaults where nobody wrote one. */
  withDefaultsMs: ms,
  /** The chain that the verdict is about: of what is written, or with defaults. */
  chain: ids,
  /** `exceeds` is a problem; `shares` means that defaults will get less than their own time. */
  says: v.picklist(['fits', 'shares', 'exceeds']),
});
export type BudgetVerdict = DeepReadonly<v.InferOutput<typeof Verdict>>;

const Problem = v.object({ code: v.string(), message: v.string(), hint: v.string(), nodes: ids });

const State = v.picklist(['new', 'starting', 'running', 'stopping', 'stopped', 'failed']);

export const GRAPH_FORMAT = 'muster.graph/1';

export const GraphDump = v.object({
  format: v.literal(GRAPH_FORMAT),
  state: State,
  gate: v.object({ state: v.string(), blockedBy: ids }),
  /** Under which other instances know this one; absent where they do not. */
  instance: v.optional(v.string()),
  /** Of a graph that was merged: whose graphs are in it. Their names stand before the ids of their nodes. */
  instances: v.optional(v.array(v.object({ id: v.string(), state: State, gate: v.string(), wallMs: v.nullable(ms) }))),
  /** How long the boot took; `null` before it ended. */
  wallMs: v.nullable(ms),
  /** What the boot cannot be shorter than: the times along its critical path. */
  idealMs: ms,
  /** `idealMs` by `wallMs`: 1 when nothing waited for anything but its own dependencies. */
  parallelEfficiency: v.nullable(v.number()),
  criticalPath: v.object({ nodes: ids, ms }),
  budgets: v.object({ boot: Verdict, stop: Verdict }),
  /** Scopes that are open now; absent when none is. Live scopes of kind run are live runs. */
  scopes: v.optional(
    v.object({
      live: v.object({ user: count, run: count, connection: count }),
      /** The oldest few, the oldest first. */
      oldest: v.array(
        v.object({ kind: v.picklist(['user', 'run', 'connection']), run: v.nullable(v.string()), ageMs: ms }),
      ),
    }),
  ),
  /** What clients of the server may do, by the names under which it is declared; absent where there is no server. */
  limits: v.optional(v.record(v.string(), v.number())),
  nodes: v.array(DumpNode),
  edges: v.array(DumpEdge),
  problems: v.array(Problem),
  notes: v.array(Problem),
});
export type GraphDump = DeepReadonly<v.InferOutput<typeof GraphDump>>;

/**
 * Reads a dump from the text of a file.
 *
 * @throws MusterError `DUMP_INVALID` naming the first thing that is wrong with it.
 */
export function parseGraphDump(text: string): GraphDump {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw contractError('DUMP_INVALID', { problem: 'it is no JSON', path: '' }, error);
  }
  const parsed = v.safeParse(GraphDump, json);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw contractError('DUMP_INVALID', { problem: issue.message, path: v.getDotPath(issue) ?? '' });
}
