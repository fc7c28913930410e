/** The classes that every contender has in its scopes, and what each of them needs. */
import * as shapes from './shapes.ts';

/** Stands for the user in the lists of needs. */
export const USER = Symbol('user');

export type Shape = new (...args: any[]) => object;

export const SINGLETONS: readonly Shape[] = [shapes.Settings, shapes.Pool, shapes.Journal];

/** The scoped classes and what they need, in order of making; the last is asked for. */
export const SCOPED: readonly { readonly shape: Shape; readonly needs: readonly (Shape | typeof USER)[] }[] = [
  { shape: shapes.Notes, needs: [] },
  { shape: shapes.Access, needs: [USER] },
  { shape: shapes.Transaction, needs: [shapes.Pool, shapes.Journal] },
  { shape: shapes.Cache, needs: [shapes.Settings, shapes.Access, shapes.Journal] },
  { shape: shapes.Threads, needs: [shapes.Transaction, shapes.Cache] },
  { shape: shapes.Messages, needs: [shapes.Transaction, shapes.Notes] },
  { shape: shapes.Tools, needs: [shapes.Settings, USER, shapes.Threads, shapes.Messages, shapes.Notes] },
  { shape: shapes.Root, needs: [shapes.Pool, USER, shapes.Tools, shapes.Threads, shapes.Cache] },
];

const NAMES = new Map<unknown, string>(Object.entries(shapes).map(([name, shape]) => [shape, name]));

/** The name of a class as it is written, also where a bundler has given it another. */
export function nameOf(need: Shape | typeof USER): string {
  return need === USER ? 'user' : (NAMES.get(need) as string);
}

/** Throws where a contender makes something else than the others. */
export function check(root: shapes.Root, user: shapes.User): void {
  const { tools, threads, cache } = root;
  const isRight =
    root.user.user === user.user &&
    tools.user.user === user.user &&
    cache.access.user.user === user.user &&
    tools.threads === threads &&
    tools.threads.cache === cache &&
    tools.messages.transaction === threads.transaction &&
    tools.messages.notes === tools.notes &&
    tools.settings === cache.settings;
  if (!isRight) throw new Error('The scope is not what it has to be.');
}
