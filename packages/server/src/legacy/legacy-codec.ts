/**
 * The legacy protocol on one connection: `{type, payload}` both ways, read into frames and written from them.
 *
 * A backend can so be moved before its front-end: everything behind the codec is the connection that it always is.
 */
import {
  type ClientFrame,
  type CloseName,
  contractError,
  type Credentials,
  type EventsFrame,
  type HelloFrame,
  parseData,
  type Random,
  RunRequest,
  type ServerFrame,
} from '@muster/contracts';
import { offeredToken } from '../tokens.ts';
import { legacyEvent } from './legacy-events.ts';

/** The subprotocol of old front-ends, beside which the token comes. */
export const LEGACY_PROTOCOL = 'jwt-auth';
const TOKEN_PREFIX = 'jwt.';

/** The token that an old front-end offers as a subprotocol. */
export function legacyCredentials(offered: readonly string[]): Credentials | undefined {
  return offeredToken(offered, TOKEN_PREFIX);
}

/** Types of messages that ask an agent. */
const ASKS: ReadonlySet<string> = new Set(['user_message', 'chat', 'start_agent']);
const KNOWN = [...ASKS, 'stop_agent', 'ping'];

export class LegacyCodec {
  readonly #random: Random;
  #user = '';
  /** Runs that were started here and have not ended. */
  readonly #runs = new Set<string>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** What an old front-end would say if it knew how. */
  hello(): HelloFrame {
    const client = { id: this.#random.uuid(), name: 'legacy', version: '0' };
    return { type: 'hello', client, cursors: {}, subscribe: [] };
  }

  /**
   * Reads one message.
   *
   * @throws MusterError `FRAME_INVALID` naming the types that are known, or the field that does not fit.
   */
  decode(text: string): ClientFrame[] {
    const { type, payload } = messageIn(text);
    if (type === 'ping') return [{ type: 'ping' }];
    if (type === 'stop_agent') {
      const run = textAt(payload, ['run_id', 'runId']);
      const reason = textAt(payload, ['reason']);
      const runs = run === undefined ? [...this.#runs] : [run];
      return runs.map((each) => ({ type: 'cancel', run: each, ...(reason === undefined ? {} : { reason }) }));
    }
    if (!ASKS.has(type)) throw invalid(`The type is none of ${KNOWN.join(', ')}`, 'type', type);
    const data = parseData(RunRequest, {
      text: textAt(payload, ['content', 'message', 'text', 'user_request']),
      agent: textAt(payload, ['agent_name', 'agent']),
      thread: textAt(payload, ['thread_id', 'threadId']),
    });
    return [{ type: 'request', id: this.#random.uuid(), method: 'run', data }];
  }

  /** The messages that say what a frame says; none for what old front-ends have no word for. */
  encode(frame: ServerFrame): string[] {
    switch (frame.type) {
      case 'welcome': {
        this.#user = frame.user;
        const fields = { connection_id: frame.connection, user_id: frame.user, session_id: frame.session };
        return [message('connection_ready', fields)];
      }
      case 'events':
        return this.#events(frame);
      case 'response':
        if (frame.ok) this.#runs.add((frame.data as { run: string }).run);
        else return [message('error', problem(frame.error))];
        return [];
      case 'error':
        return [message('error', problem({ ...frame, retryable: false }))];
      case 'pong':
        return [message('pong', {})];
      default:
        return [];
    }
  }

  /** How it closes where ours has a code of its own. */
  close(name: CloseName): [code: number, reason: string] {
    return CLOSES[name] ?? [1013, 'Try again later'];
  }

  #events({ events, stream }: EventsFrame): string[] {
    return events.flatMap((event) => {
      if (event.event === 'agent_completed') this.#runs.delete(event.run);
      const told = legacyEvent(event, this.#user, stream);
      return told === undefined ? [] : [JSON.stringify(told)];
    });
  }
}

const CLOSES: Readonly<Partial<Record<CloseName, [number, string]>>> = {
  done: [1000, ''],
  bug: [1011, 'Internal error'],
  unauthenticated: [1008, 'Unauthenticated'],
  forbidden: [1008, 'Forbidden'],
  malformedHello: [1008, 'Malformed message'],
  tokenExpired: [1008, 'Token expired'],
  draining: [1001, 'Going away'],
  replaced: [1001, 'Going away'],
};

function messageIn(text: string): { type: string; payload: Record<string, unknown> } {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid('The message is not JSON', '', null, cause);
  }
  if (!isRecord(json)) throw invalid('The message is no JSON object', '', null);
  const { type, payload } = json;
  if (typeof type !== 'string') throw invalid('The message has no type', 'type', null);
  // Some have their fields beside the type.
  return { type, payload: isRecord(payload) ? payload : json };
}

function invalid(problem: string, path: string, type: string | null, cause?: unknown): Error {
  return contractError('FRAME_INVALID', { problem, path, type, request: null }, cause);
}

function textAt(payload: Readonly<Record<string, unknown>>, keys: readonly string[]): string | undefined {
  for (const key of keys) {
    const value = Object.hasOwn(payload, key) ? payload[key] : undefined;
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

function problem(error: { code: string; message: string; retryable: boolean }): Record<string, unknown> {
  const { code, message: text, retryable } = error;
  return { error_code: code, error_message: text, code, message: text, recoverable: retryable };
}

function message(type: string, fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type, ...fields, payload: fields });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
