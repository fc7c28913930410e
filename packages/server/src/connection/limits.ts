/**
 * Every limit of a server's connections in one place: one object with defaults, of which `welcome` shows what concerns clients.
 *
 * Who goes over one hears of it with limit and actual value, and the connection lives on unless it keeps abusing it.
 */
import { CORE_ERRORS } from '@muster/core';
import { type ClientLimits, errorsFrom, FRAME_BOUNDS } from '@muster/contracts';

export interface Limits {
  /** Largest frame that is read, in bytes; a larger one gets an error frame, and one of more than four times closes the socket with 1009. @default 65_536 */
  readonly messageBytes: number;
  /** Frames that a connection may send in a second, averaged over ten; what is over gets an error and is not executed. @default 1_000 */
  readonly framesPerSecond: number;
  /** Bytes that a connection may send in a second, averaged over ten. @default 1_048_576 */
  readonly bytesPerSecond: number;
  /** Requests that a user may send in a second over all connections, averaged over ten. @default 200 */
  readonly requestsPerSecond: number;
  /** Frames over a limit or unreadable that a connection may send in ten seconds before it is closed with 4103. @default 500 */
  readonly offences: number;
  /** Requests that may wait in a connection's mailbox; one more is answered as not executed. @default 256 */
  readonly mailbox: number;
  /** Bytes of frames that may wait before `welcome`. @default 65_536 */
  readonly mailboxBytes: number;
  /** Events of one stream that may be on their way to a client without an ack. @default 1_024 */
  readonly window: number;
  /** Streams that a connection may follow because it asked to; every thread in which its session runs comes on top. @default 64 */
  readonly streams: number;
  /** Bytes that may be on their way to one client before it is fed from the log as it drains. @default 1_048_576 */
  readonly sendBufferBytes: number;
  /** Connections of one address. @default 1_000 */
  readonly connectionsPerAddress: number;
  /** Sockets that have not said who they are, in all and of one address. @default 64 and 8 */
  readonly unauthenticated: number;
  readonly unauthenticatedPerAddress: number;
  /** Clients of one user that may wait at the gate. @default 5 */
  readonly heldPerUser: number;
  /** Sessions of one user that may be connected. @default 20 */
  readonly sessionsPerUser: number;
  /** Time from 101 to `welcome`, in milliseconds. @default 20_000, or ten seconds beyond the gate's `holdMs` where that is another */
  readonly handshakeMs: number;
  /** Longest pause between two `wait` frames, in milliseconds. @default 2_000 */
  readonly waitEveryMs: number;
  /** Interval of pings, in milliseconds; two unanswered ones close the connection. @default 15_000 */
  readonly heartbeatMs: number;
  /** Longest time without an ack while events are on their way, in milliseconds; then the connection is closed with 4106. @default 30_000 */
  readonly progressMs: number;
  /** Age at which a connection is asked to make room for a fresh one, in milliseconds, give or take a tenth. Keep it below the platform's request timeout. @default 3_000_000 */
  readonly maxAgeMs: number;
  /** How long a session that is not connected keeps its answers, and how long an answer is kept, in milliseconds. @default 3_600_000 */
  readonly sessionMs: number;
  /** Answers that are kept of one session, so that a repeated request gets the same one. @default 1_000 */
  readonly answersPerSession: number;
}

export const LIMIT_DEFAULTS: Limits = {
  messageBytes: 65_536,
  framesPerSecond: 1_000,
  bytesPerSecond: 1_048_576,
  requestsPerSecond: 200,
  offences: 500,
  mailbox: 256,
  mailboxBytes: 65_536,
  window: 1_024,
  streams: FRAME_BOUNDS.streams,
  sendBufferBytes: 1_048_576,
  connectionsPerAddress: 1_000,
  unauthenticated: 64,
  unauthenticatedPerAddress: 8,
  heldPerUser: 5,
  sessionsPerUser: 20,
  handshakeMs: 20_000,
  waitEveryMs: 2_000,
  heartbeatMs: 15_000,
  progressMs: 30_000,
  maxAgeMs: 3_000_000,
  sessionMs: 3_600_000,
  answersPerSession: 1_000,
};

const coreError = errorsFrom(CORE_ERRORS);

/**
 * The limits with what an application set of them.
 *
 * @throws MusterError `OPTION_INVALID` naming the limit and the value that it got.
 */
export function limitsOf(given: Partial<Limits>): Limits {
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) continue;
    throw coreError('OPTION_INVALID', { option: `limits.${name}`, expected: 'a positive number', got: String(value) });
  }
  return { ...LIMIT_DEFAULTS, ...given };
}

/** What `welcome` shows. */
export function clientLimits(limits: Limits): ClientLimits {
  const { messageBytes, framesPerSecond, bytesPerSecond, mailbox, window, streams } = limits;
  return { messageBytes, framesPerSecond, bytesPerSecond, mailbox, window, streams };
}
