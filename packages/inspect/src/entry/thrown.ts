/** What was thrown by code that is not ours: its text, and the place that its author can mend. */
import { relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, MusterError } from '@muster/contracts';

/** An error of a catalogue, whichever copy of Muster made it. */
export function isMusterError(thrown: unknown): thrown is MusterError {
  if (thrown instanceof MusterError) return true;
  const { code, hint, name } = (thrown ?? {}) as Partial<Record<string, unknown>>;
  return thrown instanceof Error && name === 'MusterError' && typeof code === 'string' && typeof hint === 'string';
}

/** The text of an error as part of a sentence: without a full stop of its own. */
export function reasonOf(thrown: unknown): string {
  return messageOf(thrown).replace(/\.$/, '');
}

/** `file:line` in code of the user, else in anybody's; `null` when the stack names no file. */
export function placeOf(thrown: unknown): string | null {
  if (!(thrown instanceof Error) || typeof thrown.stack !== 'string') return null;
  const places = thrown.stack.split('\n').flatMap(placeIn);
  return places.find((place) => !place.includes(`node_modules${sep}`)) ?? places[0] ?? null;
}

/** Frames end with `file:line:column`, and the first line of a syntax error is `file:line`. */
function placeIn(line: string): string[] {
  const frame = /^\s+at (?:async )?(?:.*\()?((?:file:\/\/)?\/.*):(\d+):\d+\)?$/.exec(line);
  const [, file, number] = frame ?? /^((?:file:\/\/)\/.*):(\d+)$/.exec(line) ?? [];
  if (file === undefined || number === undefined) return [];
  return [`${nearPath(file.startsWith('file:') ? fileURLToPath(file) : file)}:${number}`];
}

/** A path from the working directory where the file lies below it. */
export function nearPath(file: string): string {
  const near = relative(process.cwd(), file);
  return near.startsWith('..') ? file : near;
}
