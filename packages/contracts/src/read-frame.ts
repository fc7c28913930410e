/**
 * Reads frames: text to JSON to a frame, and an error that says what is wrong with it and where.
 */
import * as v from 'valibot';
import { contractError } from './errors.ts';
import { FRAME_BOUNDS } from './frame-parts.ts';

/** What of an unreadable frame could be read all the same. */
interface Known {
  readonly type: string | null;
  readonly request: string | null;
}

/**
 * Reads one text frame.
 *
 * @param types every frame by its type.
 * @throws MusterError `FRAME_INVALID`.
 */
export function readFrame<T extends Readonly<Record<string, v.GenericSchema>>>(
  types: T,
  text: string,
): v.InferOutput<T[keyof T]> {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalid('The frame is not JSON', '', { type: null, request: null }, cause);
  }
  const type = stringAt(json, 'type');
  const known = { type, request: type === 'request' ? stringAt(json, 'id') : null };
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw invalid('The frame is no JSON object', '', known);
  }
  if (deeperThan(json, FRAME_BOUNDS.depth)) {
    throw invalid(`The frame is nested deeper than ${FRAME_BOUNDS.depth} levels`, '', known);
  }
  if (type === null || !Object.hasOwn(types, type)) {
    throw invalid(`The type is none of ${Object.keys(types).join(', ')}`, 'type', known);
  }
  // The type says which one it is: nothing has to be searched among all.
  return checked(types[type] as T[keyof T], json, '', known);
}

/**
 * Checks a value.
 *
 * @param root stands before the path of what does not fit.
 * @throws MusterError `FRAME_INVALID` naming the first field that does not fit.
 */
export function checked<S extends v.GenericSchema>(
  schema: S,
  value: unknown,
  root: string,
  known: Known,
): v.InferOutput<S> {
  const parsed = v.safeParse(schema, value);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const path = [root, v.getDotPath(issue) ?? ''].filter((part) => part !== '').join('.');
  throw invalid(issue.message, path, known);
}

function invalid(problem: string, path: string, known: Known, cause?: unknown): Error {
  return contractError('FRAME_INVALID', { problem, path, ...known }, cause);
}

function stringAt(json: unknown, key: string): string | null {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, key)) return null;
  const value = (json as Record<string, unknown>)[key];
  return typeof value === 'string' ? value.slice(0, 200) : null;
}

/** Goes no deeper than the limit, so that a bomb of brackets cannot exhaust the stack. */
function deeperThan(value: unknown, limit: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (limit === 0) return Object.keys(value).length > 0;
  if (Array.isArray(value)) return value.some((each) => deeperThan(each, limit - 1));
  const object = value as Record<string, unknown>;
  for (const key in object) if (deeperThan(object[key], limit - 1)) return true;
  return false;
}
