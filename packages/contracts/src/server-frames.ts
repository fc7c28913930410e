/**
 * What a server sends in `muster.v1`: one schema for each frame, from which types, JSON Schema and a strict reader come.
 *
 * A client that trusts its server reads frames as they are typed, and pays nothing for the schemas.
 */
import * as v from 'valibot';
import { AgentEvent } from './agent-events.ts';
import { id, ms, whole } from './frame-parts.ts';
import { Position, StreamInfo } from './position.ts';
import { readFrame } from './read-frame.ts';

const names = v.pipe(v.array(v.string()), v.readonly());
const details = v.record(v.string(), v.unknown());

/** Sent while a client is held; `pending` names the root causes. */
export const WaitFrame = v.object({
  type: v.literal('wait'),
  phase: v.picklist(['authenticating', 'gated', 'syncing']),
  pending: names,
  retryAfterMs: ms,
});
export type WaitFrame = v.InferOutput<typeof WaitFrame>;

/** What of the server's limits concerns a client. */
export const ClientLimits = v.object({
  /** Largest frame that is read, in bytes. */
  messageBytes: whole,
  /** Frames and bytes that may come in a second. */
  framesPerSecond: whole,
  bytesPerSecond: whole,
  /** Requests that may wait. */
  mailbox: whole,
  /** Events that may be on their way without an ack. */
  window: whole,
  /** Streams that may be followed at the same time. */
  streams: whole,
});
export type ClientLimits = v.InferOutput<typeof ClientLimits>;

/** What an append that resolved has survived. */
export const Durability = v.picklist(['memory', 'fsync', 'quorum']);
export type Durability = v.InferOutput<typeof Durability>;

/** Where a followed stream stands, and whether the cursor could be continued. */
export const StreamStatus = v.object({ ...StreamInfo.entries, status: v.picklist(['live', 'reset']) });
export type StreamStatus = v.InferOutput<typeof StreamStatus>;

/** The handshake is over; what is replayed and then what is new follows. */
export const WelcomeFrame = v.object({
  type: v.literal('welcome'),
  connection: id,
  session: id,
  user: id,
  heartbeatMs: ms,
  limits: ClientLimits,
  durability: Durability,
  streams: v.record(id, StreamStatus),
});
export type WelcomeFrame = v.InferOutput<typeof WelcomeFrame>;

/** Consecutive events of one stream; `offset` is that of the first. */
export const EventsFrame = v.object({
  type: v.literal('events'),
  stream: id,
  epoch: id,
  offset: whole,
  events: v.pipe(v.array(AgentEvent), v.readonly()),
});
export type EventsFrame = v.InferOutput<typeof EventsFrame>;

/** The replay of this stream is over; what follows is new. */
export const LiveFrame = v.object({ type: v.literal('live'), stream: id, ...Position.entries });
export type LiveFrame = v.InferOutput<typeof LiveFrame>;

/** What the client holds of this stream cannot be continued; what follows begins above `floor`. */
export const ResetFrame = v.object({
  type: v.literal('reset'),
  stream: id,
  epoch: id,
  floor: whole,
  why: v.string(),
});
export type ResetFrame = v.InferOutput<typeof ResetFrame>;

/** An error as it stands in a response. */
export const WireError = v.object({
  code: v.string(),
  message: v.string(),
  retryable: v.boolean(),
  retryAfterMs: v.optional(ms),
  details: v.optional(details),
});
export type WireError = v.InferOutput<typeof WireError>;

const Answered = v.object({ type: v.literal('response'), id, ok: v.literal(true), data: v.unknown() });
const Refused = v.object({ type: v.literal('response'), id, ok: v.literal(false), error: WireError });

/** The one answer to one request. */
export const ResponseFrame = v.variant('ok', [Answered, Refused]);
export type ResponseFrame = v.InferOutput<typeof ResponseFrame>;

/** A frame could not be read or handled; the connection goes on, or a `bye` follows. */
export const ErrorFrame = v.object({
  type: v.literal('error'),
  code: v.string(),
  message: v.string(),
  hint: v.optional(v.string()),
  details: v.optional(details),
  /** The request that it is about, where its id could be read. */
  request: v.optional(v.string()),
  /** Also in the server's log, where the cause stands. */
  correlation: id,
});
export type ErrorFrame = v.InferOutput<typeof ErrorFrame>;

/** The gate has closed behind this socket: requests are refused, events go on. */
export const DegradedFrame = v.object({ type: v.literal('degraded'), services: names });
/** The gate is open again. */
export const RecoveredFrame = v.object({ type: v.literal('recovered'), services: names });

/** The token ends soon: show a fresh one in an `auth` frame. */
export const AuthExpiringFrame = v.object({ type: v.literal('auth_expiring'), inMs: ms });

/** The server will close this socket within `deadlineMs`; open another after `reconnectInMs`. */
export const DrainFrame = v.object({ type: v.literal('drain'), deadlineMs: ms, reconnectInMs: ms });
export type DrainFrame = v.InferOutput<typeof DrainFrame>;

/** Asks for a sign of life, and tells where the followed streams stand: the last event of a burst can be lost unseen. */
export const ServerPingFrame = v.object({ type: v.literal('ping'), positions: v.record(id, Position) });
export type ServerPingFrame = v.InferOutput<typeof ServerPingFrame>;

/** Answers a `ping`. */
export const ServerPongFrame = v.object({ type: v.literal('pong') });

/** Comes before every deliberate close. */
export const ByeFrame = v.object({
  type: v.literal('bye'),
  code: whole,
  name: v.string(),
  retry: v.picklist(['never', 'backoff', 'now', 'fresh']),
  resumable: v.boolean(),
  retryAfterMs: v.optional(ms),
});
export type ByeFrame = v.InferOutput<typeof ByeFrame>;

/** By its type every frame that a server sends. */
export const SERVER_FRAMES = {
  wait: WaitFrame,
  welcome: WelcomeFrame,
  events: EventsFrame,
  live: LiveFrame,
  reset: ResetFrame,
  response: ResponseFrame,
  error: ErrorFrame,
  degraded: DegradedFrame,
  recovered: RecoveredFrame,
  auth_expiring: AuthExpiringFrame,
  drain: DrainFrame,
  ping: ServerPingFrame,
  pong: ServerPongFrame,
  bye: ByeFrame,
} as const;

/** Any frame from a server. */
export const ServerFrame = v.union([
  v.variant('type', [
    WaitFrame,
    WelcomeFrame,
    EventsFrame,
    LiveFrame,
    ResetFrame,
    ErrorFrame,
    DegradedFrame,
    RecoveredFrame,
    AuthExpiringFrame,
    DrainFrame,
    ServerPingFrame,
    ServerPongFrame,
    ByeFrame,
  ]),
  ResponseFrame,
]);
export type ServerFrame = v.InferOutput<typeof ServerFrame>;

/**
 * Reads one text frame from a server, strictly; for tests and for those who check a server.
 *
 * @throws MusterError `FRAME_INVALID`.
 */
export function parseServerFrame(text: string): ServerFrame {
  return readFrame(SERVER_FRAMES, text);
}

/** The data of the response to a `run` request. */
export interface RunAccepted {
  readonly run: string;
  readonly thread: string;
}
