/** Whether a value is what JSON can hold, and a name for one that is. */
import { keyPart } from '../principal.ts';

/** What in `value` is no JSON, with its path; `undefined` when all of it is. Members that are `undefined` count as absent. */
export function notJson(value: unknown, path = '', above: readonly unknown[] = []): string | undefined {
  const here = (what: string): string => `${what}${path === '' ? '' : ` at ${path}`}`;
  if (value === null || value === undefined || typeof value === 'string' || typeof value === 'boolean')
    return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : here(String(value));
  if (typeof value !== 'object') return here(`a ${typeof value}`);
  if (above.includes(value)) return here('a circle');
  const within = [...above, value];
  if (Array.isArray(value)) return first(value, (each, index) => notJson(each, `${path}[${index}]`, within));
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  if (prototype !== null && prototype !== Object.prototype)
    return here(`an instance of ${prototype.constructor?.name ?? 'a class'}`);
  return first(Object.entries(value), ([name, each]) => notJson(each, path === '' ? name : `${path}.${name}`, within));
}

function first<T>(all: readonly T[], problem: (each: T, index: number) => string | undefined): string | undefined {
  for (const [index, each] of all.entries()) {
    const found = problem(each, index);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Short, and the same for equal values in whatever order their members stand. */
export function fingerprintOf(value: unknown): string {
  const sorted = (_: string, each: unknown): unknown =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([one], [other]) => (one < other ? -1 : 1)))
      : each;
  return keyPart(JSON.stringify(value, sorted) ?? 'nothing').slice(0, 22);
}
