/** The error catalogue of `@muster/contracts`. */
import { type ErrorEntry, errorsFrom } from './muster-error.ts';

export const CONTRACT_ERRORS = {
  ILLEGAL_TRANSITION: {
    message: (d) =>
      `${d.machine} is ${d.state} and does not accept "${d.event}"; it accepts ${d.legal.length > 0 ? d.legal.join(', ') : 'nothing more'}.`,
    hint: 'This is a bug in the code that sent the event: the table of this machine does not allow it.',
    fatal: true,
  } satisfies ErrorEntry<{ machine: string; state: string; event: string; legal: readonly string[] }>,
  FRAME_INVALID: {
    message: (d) => `${d.problem}${d.path === '' ? '' : ` (at ${d.path})`}.`,
    hint: 'Compare the frame with the protocol specification; nothing of it was executed.',
    fatal: true,
  } satisfies ErrorEntry<{ problem: string; path: string; type: string | null; request: string | null }>,
  IDEMPOTENCY_MISMATCH: {
    message: (d) => `A request with the id ${d.id} came before, with another method or other data.`,
    hint: 'Use a fresh id for each request, and the same id only to repeat exactly the same one.',
    fatal: true,
  } satisfies ErrorEntry<{ id: string }>,
  DUMP_INVALID: {
    message: (d) =>
      `This is no dump of the format muster.graph/1: ${d.problem}${d.path === '' ? '' : ` (at ${d.path})`}.`,
    hint: "Make one with `muster graph <entry> --format json`, or fetch /muster/graph.json of a running app's inspector.",
    fatal: true,
  } satisfies ErrorEntry<{ problem: string; path: string }>,
} as const;

/** Makes an error of this catalogue. */
export const contractError = errorsFrom(CONTRACT_ERRORS);
