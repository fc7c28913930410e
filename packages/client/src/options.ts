/** What a client can be told, and what it does where nothing is said. */
import type { AgentEvent, Clock, Random } from '@muster/contracts';
import { systemClock, systemRandom } from './clock.ts';
import type { CursorStore } from './cursors.ts';
import { clientError } from './errors.ts';

/** The part of a WebSocket that the client uses; those of browsers, Node, undici and `ws` all have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
}

/**
 * Told of every event of every followed stream, in the order of the stream.
 *
 * The next event of a stream comes when every handler is done with this one; a promise is awaited. An event is
 * acknowledged and its cursor saved after that. What throws or rejects is tried three times.
 */
export type EventHandler = (event: AgentEvent, stream: string) => unknown;

export interface ConnectOptions {
  /** `ws://` or `wss://`, with the path of the server's factory. */
  readonly url: string;
  /**
   * The bearer token, or what fetches one; sent in the first frame, never in the URL. A function is asked for every
   * connection and whenever the token is about to expire. Where it throws before the first connection, the client is closed.
   */
  readonly token: string | (() => string | Promise<string>);
  /** @default the runtime's own */
  readonly WebSocket?: new (url: string, protocols: string) => WebSocketLike;
  /** Who the client is, for the server's logs. @default 'muster-client' */
  readonly name?: string;
  /** Streams to follow, by thread: above the stored cursor, or from the floor where there is none. @default [] */
  readonly subscribe?: readonly string[];
  /** Handles events from the very first on; one that is added with `onEvent()` after `connect()` can miss those of a replay. */
  readonly onEvent?: EventHandler;
  /** Keeps session and cursors, so that a client that begins anew goes on where the last one stood. @default nowhere */
  readonly cursors?: CursorStore;
  /** Closes the client when it is aborted. */
  readonly signal?: AbortSignal;
  /** How long the first connection may take, attempts included; then the client is closed. `Infinity` never gives up. @default 30_000 */
  readonly connectMs?: number;
  /** How long the server may be silent before `welcome`; it says every two seconds what it waits for. @default 10_000 */
  readonly handshakeMs?: number;
  /** How long a request may take, waiting for the connection included. @default 60_000 */
  readonly timeoutMs?: number;
  /** Requests that may wait for the connection; one more is refused. @default 64 */
  readonly maxQueued?: number;
  /** Upper bound of the first delay between two attempts; it doubles from attempt to attempt. @default 500 */
  readonly backoffMs?: number;
  /** Where that bound stops doubling. @default 30_000 */
  readonly maxBackoffMs?: number;
  /** The `traceparent` of W3C Trace Context under which a request is made; asked for with each. @default none */
  readonly traceparent?: () => string | undefined;
  /** Source of time; tests pass a `FakeClock`. @default the system's */
  readonly clock?: Clock;
  /** Source of randomness. @default the system's */
  readonly random?: Random;
}

export const DEFAULTS = {
  name: 'muster-client',
  subscribe: [],
  connectMs: 30_000,
  handshakeMs: 10_000,
  timeoutMs: 60_000,
  maxQueued: 64,
  backoffMs: 500,
  maxBackoffMs: 30_000,
  clock: systemClock,
  random: systemRandom,
} as const satisfies Partial<ConnectOptions>;

/** Options with every default in its place. */
export type Settings = ConnectOptions & Required<Pick<ConnectOptions, keyof typeof DEFAULTS | 'WebSocket'>>;

/** @throws MusterError `NO_WEB_SOCKET` where none is to be had; `CLIENT_OPTION_INVALID` for a number below 0. */
export function settingsOf(options: ConnectOptions): Settings {
  const WebSocket = options.WebSocket ?? (globalThis as Pick<ConnectOptions, 'WebSocket'>).WebSocket;
  if (WebSocket === undefined) throw clientError('NO_WEB_SOCKET', {});
  const settings: Settings = { ...DEFAULTS, ...options, WebSocket };
  for (const option of ['connectMs', 'handshakeMs', 'timeoutMs', 'maxQueued', 'backoffMs', 'maxBackoffMs'] as const) {
    if (!(settings[option] >= 0)) throw clientError('CLIENT_OPTION_INVALID', { option, got: String(settings[option]) });
  }
  return settings;
}
