/**
 * What a client may send in `muster.v1`: one schema for each frame, from which parser, types and JSON Schema come.
 *
 * Fields that a schema does not know are dropped, so that a newer client can talk to an older server.
 */
import * as v from 'valibot';
import { FRAME_BOUNDS, id, whole } from './frame-parts.ts';
import { Position } from './position.ts';
import { checked, readFrame } from './read-frame.ts';

/** What a client shows to say who it is. Never logged, never repeated in a frame. */
export const Credentials = v.object({ scheme: id, token: v.pipe(v.string(), v.maxLength(FRAME_BOUNDS.token)) });
export type Credentials = v.InferOutput<typeof Credentials>;

/** First frame on every socket: who the client is, and where it stands in each stream. */
export const HelloFrame = v.object({
  type: v.literal('hello'),
  client: v.object({ id, name: id, version: id }),
  auth: v.optional(Credentials),
  /** The session of an earlier connection, to go on with. */
  session: v.optional(id),
  cursors: v.optional(
    v.pipe(
      v.record(id, Position),
      v.check(
        (cursors) => Object.keys(cursors).length <= FRAME_BOUNDS.streams,
        `At most ${FRAME_BOUNDS.streams} cursors`,
      ),
    ),
    {},
  ),
  subscribe: v.optional(v.pipe(v.array(id), v.maxLength(FRAME_BOUNDS.streams)), []),
});
export type HelloFrame = v.InferOutput<typeof HelloFrame>;

/** Version, trace, span and flags, in hexadecimal digits; neither trace nor span may be zero. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Asks for something; `id` is a UUID, stands in the response, and makes a repeat harmless. */
export const RequestFrame = v.object({
  type: v.literal('request'),
  id: v.pipe(v.string(), v.uuid()),
  method: id,
  data: v.optional(v.unknown()),
  /** The trace that it belongs to, as W3C Trace Context writes it. */
  traceparent: v.optional(v.pipe(v.string(), v.regex(TRACEPARENT, 'A traceparent of W3C Trace Context'))),
});
export type RequestFrame = v.InferOutput<typeof RequestFrame>;

/** Asks for an end of a run; harmless when it has ended. */
export const CancelFrame = v.object({
  type: v.literal('cancel'),
  run: id,
  reason: v.optional(v.pipe(v.string(), v.maxLength(500))),
});
export type CancelFrame = v.InferOutput<typeof CancelFrame>;

/** What a handler's method `cancel` is given. */
export const CancelRequest = v.omit(CancelFrame, ['type']);
export type CancelRequest = v.InferOutput<typeof CancelRequest>;

/** Follows a stream from now on: above the cursor, or from its floor where there is none. */
export const SubscribeFrame = v.object({ type: v.literal('subscribe'), stream: id, cursor: v.optional(Position) });
export type SubscribeFrame = v.InferOutput<typeof SubscribeFrame>;

/** Follows a stream no more. */
export const UnsubscribeFrame = v.object({ type: v.literal('unsubscribe'), stream: id });

/** Everything of a stream up to `offset` has been processed. */
export const AckFrame = v.object({ type: v.literal('ack'), stream: id, epoch: id, offset: whole });
export type AckFrame = v.InferOutput<typeof AckFrame>;

/** Asks for the events above `since` once more. */
export const PullFrame = v.object({ type: v.literal('pull'), stream: id, epoch: id, since: whole });
export type PullFrame = v.InferOutput<typeof PullFrame>;

/** Shows a fresh token on the same connection. */
export const AuthFrame = v.object({ type: v.literal('auth'), ...Credentials.entries });
export type AuthFrame = v.InferOutput<typeof AuthFrame>;

/** Asks for a `pong`. */
export const PingFrame = v.object({ type: v.literal('ping') });
/** Answers a `ping`. */
export const PongFrame = v.object({ type: v.literal('pong') });

/** By its type every frame that a client may send. */
export const CLIENT_FRAMES = {
  hello: HelloFrame,
  request: RequestFrame,
  cancel: CancelFrame,
  subscribe: SubscribeFrame,
  unsubscribe: UnsubscribeFrame,
  ack: AckFrame,
  pull: PullFrame,
  auth: AuthFrame,
  ping: PingFrame,
  pong: PongFrame,
} as const;

/** Any frame from a client. */
export const ClientFrame = v.variant('type', [
  HelloFrame,
  RequestFrame,
  CancelFrame,
  SubscribeFrame,
  UnsubscribeFrame,
  AckFrame,
  PullFrame,
  AuthFrame,
  PingFrame,
  PongFrame,
]);
export type ClientFrame = v.InferOutput<typeof ClientFrame>;

/** What a client writes: defaults may be left out. */
export type ClientFrameInput = v.InferInput<typeof ClientFrame>;

/** The data of a request with `method: "run"`. */
export const RunRequest = v.object({
  text: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(100_000)),
  agent: v.optional(id),
  thread: v.optional(id),
});
export type RunRequest = v.InferOutput<typeof RunRequest>;

/** The data of a request that concerns one thread. */
export const ThreadRequest = v.object({ thread: id });
export type ThreadRequest = v.InferOutput<typeof ThreadRequest>;

/** The data of a request with `method: "threads.rename"`. */
export const RenameRequest = v.object({
  thread: id,
  title: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(200)),
});
export type RenameRequest = v.InferOutput<typeof RenameRequest>;

/** What a client may write as the data of a run. */
export type RunRequestInput = v.InferInput<typeof RunRequest>;

/**
 * Reads one text frame from a client.
 *
 * @throws MusterError `FRAME_INVALID`; `details` has the problem, its path, and the frame's type and request id where they could be read.
 */
export function parseClientFrame(text: string): ClientFrame {
  return readFrame(CLIENT_FRAMES, text);
}

/**
 * Checks `data` against a schema of this package.
 *
 * @throws MusterError `FRAME_INVALID` naming the first field that does not fit.
 */
export function parseData<S extends v.GenericSchema>(schema: S, data: unknown): v.InferOutput<S> {
  return checked(schema, data, 'data', { type: null, request: null });
}
