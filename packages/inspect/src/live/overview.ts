/**
 * What the live page shows of one instance, as data: whole once, and from then on what has changed.
 *
 * Times are in milliseconds; those called `at` or `since` are milliseconds since 1970 by the instance's own clock. Texts are
 * redacted and otherwise as they came: whoever shows them shows them as text.
 */
import type { DumpEdge, DumpNode, GraphDump } from '@muster/contracts';

/** Which process it is, and how it is. */
export interface InstanceHead {
  /** As other instances know it; `null` where there are none. */
  readonly id: string | null;
  readonly state: GraphDump['state'];
  readonly version: string | null;
  readonly pid: number;
  readonly node: string;
  /** When the boot began; `null` before. */
  readonly startedAt: number | null;
  /** Of the port that clients use; `null` while it is not bound. */
  readonly address: string | null;
  /** Why the boot failed or the app stops, with what to do; `null` where it did not. */
  readonly trouble: Trouble | null;
}

/** A failure as a person reads it. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
}

/** One piece of a service's boot. `from` and `to` are counted from the start of the boot; `to` is `null` while it goes on. */
export interface Span {
  readonly kind: 'waiting' | 'starting' | 'checking' | 'hooks' | 'backoff';
  readonly from: number;
  readonly to: number | null;
}

/** What one service did, for its line in the timeline and for its page. */
export interface Lane {
  readonly id: string;
  readonly spans: readonly Span[];
  /** Its latest moves, crashes, failed attempts and verdicts, the newest last; at most 20. */
  readonly history: readonly { readonly at: number; readonly text: string; readonly isTrouble: boolean }[];
  /** How often it was started again after it had been up. */
  readonly restarts: number;
  /** What went wrong last. */
  readonly lastError: (Trouble & { readonly at: number }) | null;
  /** When it is tried again, in milliseconds since 1970; `null` when it is not waiting for that. */
  readonly nextAttemptAt: number | null;
}

export interface GateLine {
  readonly name: string;
  readonly state: string;
  readonly since: number | null;
  /** Root causes only; empty while it is open. */
  readonly blockedBy: readonly string[];
  /** How often it has closed after it had been open. */
  readonly closings: number;
}

export interface ConnectionLine {
  readonly id: string;
  readonly state: string;
  readonly since: number;
  /** `null` before the handshake is over. */
  readonly user: string | null;
  /** Events on their way or at the client, and not acknowledged. */
  readonly unacknowledged: number;
}

export interface ConnectionsView {
  readonly total: number;
  readonly users: number;
  /** How many are in each state of the CONNECTION table. */
  readonly byState: Readonly<Record<string, number>>;
  /** The newest 200, the newest first. */
  readonly latest: readonly ConnectionLine[];
}

export interface ToolLine {
  readonly callId: string;
  readonly name: string;
  readonly status: string;
  readonly durationMs: number;
}

export interface RunLine {
  readonly run: string;
  readonly agent: string;
  readonly user: string;
  readonly thread: string;
  /** The run that asked for this one. */
  readonly parent: string | null;
  readonly at: number;
  /** A state of the RUN table. */
  readonly state: string;
  /** How it ended; `null` before, `left` when this instance carries it no more. */
  readonly status: string | null;
  readonly code: string | null;
  /** Events so far, as far as is known before the end. */
  readonly events: number;
  readonly durationMs: number | null;
  readonly tools: readonly ToolLine[];
}

/** One thing that happened, as a line. */
export interface NewsLine {
  readonly n: number;
  readonly at: number;
  readonly type: string;
  readonly text: string;
  readonly isTrouble: boolean;
}

/** Another instance of the app, or this one. */
export interface InstanceLine {
  readonly id: string;
  readonly address: string | null;
  readonly version: string | null;
  readonly startedAt: number;
  readonly isSelf: boolean;
  /** Services that are not healthy there. */
  readonly unhealthy: readonly string[];
  readonly load: Readonly<Record<string, number>>;
}

/** What became of all events of the streams that are followed: appended = acknowledged + pending + expired. */
export interface DeliveryAccount {
  readonly appended: number;
  readonly acknowledged: number;
  readonly pending: number;
  readonly expired: number;
}

/** When the boot began and how it ended. */
export interface Boot {
  readonly startedAt: number | null;
  /** Counted from the start of the boot, as the next; `null` before. */
  readonly endedAt: number | null;
  readonly gateOpenedAt: number | null;
}

/** All that there is to see of one instance. */
export interface Overview {
  readonly at: number;
  readonly head: InstanceHead;
  readonly graph: GraphDump;
  readonly boot: Boot;
  readonly lanes: readonly Lane[];
  readonly gates: readonly GateLine[];
  readonly connections: ConnectionsView;
  /** The newest 200, the newest first. */
  readonly runs: readonly RunLine[];
  /** Of all streams that somebody follows; `null` where no socket is served. */
  readonly delivery: DeliveryAccount | null;
  /** The newest 300, the newest last. */
  readonly news: readonly NewsLine[];
  readonly instances: readonly InstanceLine[];
  /** Whether the data of events may be seen. */
  readonly payloads: boolean;
}

/** What of an overview has changed; what is absent has not. One with nothing in it comes every five seconds: all is as it was. */
export interface Change {
  readonly at: number;
  readonly head?: InstanceHead;
  /** All of the dump but its nodes and edges. */
  readonly graph?: Omit<GraphDump, 'nodes' | 'edges'>;
  /** Nodes that are new or otherwise; a list with `isAll` is all there are. */
  readonly nodes?: { readonly isAll: boolean; readonly list: readonly DumpNode[] };
  readonly edges?: readonly DumpEdge[];
  readonly boot?: Boot;
  /** Those that are new or otherwise. */
  readonly lanes?: readonly Lane[];
  readonly gates?: readonly GateLine[];
  readonly connections?: ConnectionsView;
  /** Those that are new or otherwise. */
  readonly runs?: readonly RunLine[];
  readonly delivery?: DeliveryAccount | null;
  /** Those that are new. */
  readonly news?: readonly NewsLine[];
  readonly instances?: readonly InstanceLine[];
}

/** One event of a run, and which sockets got it when. */
export interface RunEventLine {
  readonly n: number;
  readonly event: string;
  readonly at: number;
  readonly offset: number;
  readonly bytes: number;
  /** The name of its tool, where it has one, and which call it belongs to. */
  readonly tool: string | null;
  readonly callId: string | null;
  /** JSON text of its data; `null` where payloads are hidden. */
  readonly data: string | null;
  readonly sockets: readonly SocketMark[];
}

/** When a socket was handed an event, and when its client said that it has processed it. */
export interface SocketMark {
  readonly connection: string;
  readonly sentAt: number | null;
  readonly ackedAt: number | null;
}

/**
 * What `/api/runs/<run>` sends as `events`, again and again while the run goes on: lines that are new or otherwise. A last `end`
 * says that nothing more is expected.
 */
export interface RunEvents {
  readonly run: string;
  readonly events: readonly RunEventLine[];
  /** False when nothing more will come. */
  readonly isOpen: boolean;
}
