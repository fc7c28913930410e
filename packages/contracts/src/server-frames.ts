/**
 * What a server sends in `muster.v1`.
 *
 * These are types and not schemas: the server is the only maker of these frames, and a client reads them as they are typed.
 */
import type { AgentEvent } from './agent-events.ts';
import type { Retry } from './close-codes.ts';
import type { Position, StreamInfo } from './position.ts';

/** Sent while a client is held; `pending` names the root causes. */
export interface WaitFrame {
  readonly type: 'wait';
  readonly phase: string;
  readonly pending: readonly string[];
  readonly retryAfterMs: number;
}

/** The handshake is over; requests are handled from now on. */
export interface WelcomeFrame {
  readonly type: 'welcome';
  readonly connection: string;
  readonly session: string;
  readonly user: string;
  readonly heartbeatMs: number;
  readonly limits: { readonly messageBytes: number; readonly mailbox: number };
  readonly durability: 'memory' | 'fsync' | 'quorum';
  readonly streams: Readonly<Record<string, StreamInfo & { readonly status: 'live' | 'reset' }>>;
}

/** Consecutive events of one stream; `offset` is that of the first. */
export interface EventsFrame {
  readonly type: 'events';
  readonly stream: string;
  readonly epoch: string;
  readonly offset: number;
  readonly events: readonly AgentEvent[];
}

/** The replay of this stream is over; what follows is new. */
export interface LiveFrame extends Position {
  readonly type: 'live';
  readonly stream: string;
}

/** What the client holds of this stream cannot be continued; read on from `floor`. */
export interface ResetFrame {
  readonly type: 'reset';
  readonly stream: string;
  readonly epoch: string;
  readonly floor: number;
  readonly why: string;
}

/** An error as it stands in a frame. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one answer to one request. */
export type ResponseFrame =
  | { readonly type: 'response'; readonly id: string; readonly ok: true; readonly data: unknown }
  | { readonly type: 'response'; readonly id: string; readonly ok: false; readonly error: WireError };

/** A frame could not be read or handled; the connection goes on. */
export interface ErrorFrame {
  readonly type: 'error';
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly request?: string;
  /** Also in the server's log, where the cause stands. */
  readonly correlation: string;
}

/** The gate closed behind this socket, or opened again. */
export interface DegradedFrame {
  readonly type: 'degraded' | 'recovered';
  readonly services: readonly string[];
}

/** The server will close this socket within `deadlineMs`; come back after `reconnectInMs`. */
export interface DrainFrame {
  readonly type: 'drain';
  readonly deadlineMs: number;
  readonly reconnectInMs: number;
}

/** Comes before every deliberate close. */
export interface ByeFrame {
  readonly type: 'bye';
  readonly code: number;
  readonly name: string;
  readonly retry: Retry;
  readonly resumable: boolean;
  readonly retryAfterMs?: number;
}

export interface ServerPingFrame {
  readonly type: 'ping' | 'pong';
}

/** Any frame from a server. */
export type ServerFrame =
  | WaitFrame
  | WelcomeFrame
  | EventsFrame
  | LiveFrame
  | ResetFrame
  | ResponseFrame
  | ErrorFrame
  | DegradedFrame
  | DrainFrame
  | ByeFrame
  | ServerPingFrame;

/** The data of the response to a `run` request. */
export interface RunAccepted {
  readonly run: string;
  readonly thread: string;
}
