/**
 * Every limit of a connection in one place. What concerns the client is shown in `welcome`.
 */
export interface Limits {
  /** Largest frame that is read, in bytes; a larger one gets an error frame, and one of more than four times closes the socket with 1009. @default 65_536 */
  readonly messageBytes: number;
  /** Requests that may wait in a connection's mailbox; one more is answered as not executed. @default 256 */
  readonly mailbox: number;
  /** Bytes that may wait in the mailbox before `welcome`. @default 65_536 */
  readonly mailboxBytes: number;
  /** Time from 101 to `welcome`, in milliseconds. @default 20_000, or ten seconds beyond the gate's `holdMs` where that is another */
  readonly handshakeMs: number;
  /** Longest pause between two `wait` frames, in milliseconds. @default 2_000 */
  readonly waitEveryMs: number;
  /** Interval of pings, in milliseconds; two unanswered ones close the connection. @default 15_000 */
  readonly heartbeatMs: number;
  /** Bytes that may be on their way to one client before it is fed from the log as it drains. @default 1_048_576 */
  readonly sendBufferBytes: number;
}

export const LIMIT_DEFAULTS: Limits = {
  messageBytes: 65_536,
  mailbox: 256,
  mailboxBytes: 65_536,
  handshakeMs: 20_000,
  waitEveryMs: 2_000,
  heartbeatMs: 15_000,
  sendBufferBytes: 1_048_576,
};
