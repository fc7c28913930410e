/**
 * What a client may send in `muster.v1`: one schema for each frame, from which parser and types come.
 *
 * Fields that a schema does not know are dropped, so that a newer client can talk to an older server.
 */
import * as v from 'valibot';
import { contractError } from './errors.ts';
import { Position } from './position.ts';

/** The WebSocket subprotocol that names this protocol. */
export const SUBPROTOCOL = 'muster.v1';

/** An opaque id: 1 to 200 characters. */
const id = v.pipe(v.string(), v.minLength(1), v.maxLength(200));
/** Streams that one hello may name. */
const MAX_STREAMS = 64;
/** Deepest nesting that a frame may have; deeper ones are refused before they are walked. */
const MAX_DEPTH = 32;

/** First frame on every socket: who the client is, and where it stands in each stream. */
export const HelloFrame = v.object({
  type: v.literal('hello'),
  client: v.object({ id, name: id, version: id }),
  auth: v.optional(v.object({ scheme: id, token: v.pipe(v.string(), v.maxLength(16_384)) })),
  session: v.optional(id),
  cursors: v.optional(
    v.pipe(
      v.record(id, Position),
      v.check((cursors) => Object.keys(cursors).length <= MAX_STREAMS, `At most ${MAX_STREAMS} cursors`),
    ),
    {},
  ),
  subscribe: v.optional(v.pipe(v.array(id), v.maxLength(MAX_STREAMS)), []),
});
export type HelloFrame = v.InferOutput<typeof HelloFrame>;

/** Asks for something; `id` is a UUID and stands in the response. */
export const RequestFrame = v.object({
  type: v.literal('request'),
  id: v.pipe(v.string(), v.uuid()),
  method: id,
  data: v.optional(v.unknown()),
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

/** Asks for a `pong`. */
export const PingFrame = v.object({ type: v.literal('ping') });
/** Answers a `ping`. */
export const PongFrame = v.object({ type: v.literal('pong') });

/** Any frame from a client. */
export const ClientFrame = v.variant('type', [HelloFrame, RequestFrame, CancelFrame, PingFrame, PongFrame]);
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

/** What a client may write as the data of a run. */
export type RunRequestInput = v.InferInput<typeof RunRequest>;

/**
 * Reads one text frame from a client.
 *
 * @throws MusterError `FRAME_INVALID`; `details` has the problem, its path, and the frame's type and request id where they could be read.
 */
export function parseClientFrame(text: string): ClientFrame {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw contractError(
      'FRAME_INVALID',
      { problem: 'The frame is not JSON', path: '', type: null, request: null },
      cause,
    );
  }
  const type = stringAt(json, 'type');
  const request = type === 'request' ? stringAt(json, 'id') : null;
  if (deeperThan(json, MAX_DEPTH)) {
    throw contractError('FRAME_INVALID', {
      problem: `The frame is nested deeper than ${MAX_DEPTH} levels`,
      path: '',
      type,
      request,
    });
  }
  const parsed = v.safeParse(ClientFrame, json);
  if (parsed.success) return parsed.output;
  throw contractError('FRAME_INVALID', { ...issueOf(parsed.issues[0]), type, request });
}

/**
 * Checks `data` against a schema of this package.
 *
 * @throws MusterError `FRAME_INVALID` naming the first field that does not fit.
 */
export function parseData<S extends v.GenericSchema>(schema: S, data: unknown): v.InferOutput<S> {
  const parsed = v.safeParse(schema, data);
  if (parsed.success) return parsed.output;
  throw contractError('FRAME_INVALID', { ...issueOf(parsed.issues[0], 'data'), type: null, request: null });
}

function issueOf(issue: v.BaseIssue<unknown>, root = ''): { problem: string; path: string } {
  const path = [root, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  return { problem: issue.message, path };
}

function stringAt(json: unknown, key: string): string | null {
  if (typeof json !== 'object' || json === null) return null;
  const value = (json as Record<string, unknown>)[key];
  return typeof value === 'string' ? value.slice(0, 200) : null;
}

/** Iterative, so that a bomb of brackets cannot exhaust the stack. */
function deeperThan(json: unknown, limit: number): boolean {
  let level: unknown[] = [json];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > limit) return true;
    level = level.flatMap((value) => (typeof value === 'object' && value !== null ? Object.values(value) : []));
  }
  return false;
}
