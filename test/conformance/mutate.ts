/** What mutants are made of. */
import { randomUUID } from 'node:crypto';
import type { Mangle, Wire, Wired } from './mangling-proxy.ts';

export interface ServerMutant extends Mangle {
  readonly point: string;
  readonly does: string;
  /** Of the run that it is tried with. @default 'conformance' */
  readonly text?: string;
}

/** Changes frames of one type, and leaves the others as they are. */
export const change =
  (type: string, how: (frame: Wire, wired: Wired) => object | undefined) =>
  (frame: Wire, wired: Wired): object[] => {
    if (frame.type !== type) return [frame];
    const changed = how(frame, wired);
    return changed === undefined ? [] : [changed];
  };

/** Lets a repeated request look like a new one, as long as `isNew` says so, and its answer like one to the old. */
export function forgetful(isNew: (frame: Wire, wired: Wired) => boolean): Mangle {
  return {
    toServer: change('request', (frame, wired) => {
      if (!isNew(frame, wired)) return frame;
      const id = randomUUID();
      wired.own.set(`id ${id}`, frame['id']);
      return { ...frame, id };
    }),
    toClient: change('response', (frame, { own }) => ({ ...frame, id: own.get(`id ${frame['id']}`) ?? frame['id'] })),
  };
}

/** Keeps frames of `type` back until one of `until` has passed. */
export function late(type: string, until: string): Mangle {
  return {
    toClient: (frame, { own }) => {
      if (own.get('over') === true) return [frame];
      if (frame.type === until) {
        own.set('over', true);
        return [frame, ...((own.get('kept') ?? []) as object[])];
      }
      if (frame.type !== type) return [frame];
      own.set('kept', [...(own.get('kept') ?? []), frame]);
      return [];
    },
  };
}

export const cursorsOf = (frame: Wire, how: (cursor: any) => any): object => ({
  ...frame,
  cursors: Object.fromEntries(Object.entries(frame['cursors'] ?? {}).map(([name, cursor]) => [name, how(cursor)])),
});

export const seen = (set: string, { all }: Wired, key: string): boolean => {
  const keys = (all.get(set) ?? new Set()) as Set<string>;
  all.set(set, keys);
  if (keys.has(key)) return true;
  keys.add(key);
  return false;
};
