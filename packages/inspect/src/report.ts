/** How an error is told: to people with what to do next, to machines as data, and with its stack only when asked for. */
import { causeChain, MusterError } from '@muster/contracts';
import { isMusterError, reasonOf } from './entry/thrown.ts';
import { inspectError } from './errors.ts';
import { printable } from './terminal.ts';

/** What is no error of a catalogue is a bug of ours. */
export function known(thrown: unknown): MusterError {
  return isMusterError(thrown) ? thrown : inspectError('INSPECT_FAILED', { reason: reasonOf(thrown) }, thrown);
}

/** For `--json`. */
export function asData({ code, message, hint, details }: MusterError): object {
  return { ok: false, error: { code, message, hint, details } };
}

/** For people; ends with a newline. */
export function asText({ code, message, hint }: MusterError): string {
  return `✘ ${code}: ${printable(message)}\n  → ${printable(hint)}\n`;
}

/** Every stack from the error down to its first cause; ends with a newline. */
export function stacksOf(error: MusterError): string {
  const stacks = [...causeChain(error)].map(({ stack, message }) => printable(stack ?? message));
  return `${stacks.join('\nCaused by: ')}\n`;
}
