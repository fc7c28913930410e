/** The error catalogue of `@muster/nats`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const NATS_ERRORS = {
  NATS_OPTION_INVALID: {
    message: (d) => `The option ${d.option} of nats() must be ${d.expected}, and is ${d.got}.`,
    hint: 'Correct the option; nothing was started.',
    fatal: true,
  } satisfies ErrorEntry<{ option: string; expected: string; got: string }>,
  NATS_UNREACHABLE: {
    message: (d) => `No server of NATS answers at ${d.servers.join(', ')}: ${d.reason}.`,
    hint: 'Start the servers or correct their addresses; the boot tries again until its budget ends.',
  } satisfies ErrorEntry<{ servers: readonly string[]; reason: string }>,
  NATS_NO_JETSTREAM: {
    message: (d) => `JetStream cannot be used at ${d.servers.join(', ')}: ${d.reason}.`,
    hint: 'Start the servers with JetStream (-js), and wait until a majority of them has found a leader.',
  } satisfies ErrorEntry<{ servers: readonly string[]; reason: string }>,
  NATS_STREAM_UNFIT: {
    message: (d) =>
      `The stream ${d.stream} exists and does not fit: its ${d.what} is ${d.got} and must be ${d.expected}.`,
    hint: 'Choose another name for what this app keeps, or remove the stream if nobody needs what is in it.',
    fatal: true,
  } satisfies ErrorEntry<{ stream: string; what: string; got: string; expected: string }>,
  LOG_UNAVAILABLE: {
    message: (d) =>
      `The event log has not been reachable for ${Math.round(d.sinceMs / 1_000)} s, and waits for no more.`,
    hint: 'Try again with backoff; nothing of it was written. Look at the servers of NATS: a majority has to be up.',
  } satisfies ErrorEntry<{ sinceMs: number; retryAfterMs: number }>,
  LOG_FULL: {
    message: () => 'The event log has reached its size and takes nothing more.',
    hint: 'Raise keepBytes or lower keepMs. What was acknowledged is kept, and writing goes on as soon as there is room.',
  } satisfies ErrorEntry<Record<never, never>>,
  STORE_UNAVAILABLE: {
    message: (d) => `The key-value store could not be reached within ${d.waitedMs} ms: ${d.reason}.`,
    hint: 'Try again with backoff, and look at the servers of NATS: a majority has to be up.',
  } satisfies ErrorEntry<{ waitedMs: number; reason: string }>,
  NATS_CLOSED: {
    message: () => 'The connection to NATS is not open.',
    hint: 'Use the log and the store between start and stop of the app; depend on them, so that they are stopped later.',
  } satisfies ErrorEntry<Record<never, never>>,
} as const;

/** Makes an error of this catalogue. */
export const natsError = errorsFrom(NATS_ERRORS);
