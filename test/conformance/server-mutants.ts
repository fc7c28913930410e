/** Bad servers, each by one function, and the point that it breaks. */
import { randomUUID } from 'node:crypto';
import type { Mangle, Wire, Wired } from './mangling-proxy.ts';

export interface ServerMutant extends Mangle {
  readonly point: string;
  readonly does: string;
  /** Of the run that it is tried with. @default 'conformance' */
  readonly text?: string;
}

/** Changes frames of one type, and leaves the others as they are. */
const change =
  (type: string, how: (frame: Wire, wired: Wired) => object | undefined) =>
  (frame: Wire, wired: Wired): object[] => {
    if (frame.type !== type) return [frame];
    const changed = how(frame, wired);
    return changed === undefined ? [] : [changed];
  };

/** Lets a repeated request look like a new one, as long as `isNew` says so, and its answer like one to the old. */
function forgetful(isNew: (frame: Wire, wired: Wired) => boolean): Mangle {
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
function late(type: string, until: string): Mangle {
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

const cursorsOf = (frame: Wire, how: (cursor: any) => any): object => ({
  ...frame,
  cursors: Object.fromEntries(Object.entries(frame['cursors'] ?? {}).map(([name, cursor]) => [name, how(cursor)])),
});

const seen = (set: string, { all }: Wired, key: string): boolean => {
  const keys = (all.get(set) ?? new Set()) as Set<string>;
  all.set(set, keys);
  if (keys.has(key)) return true;
  keys.add(key);
  return false;
};

export const SERVER_MUTANTS: readonly ServerMutant[] = [
  {
    point: 'P1.1',
    does: 'selects the subprotocol with the token',
    protocol: (offered) => [...offered].find((each) => each.startsWith('bearer.')) ?? 'muster.v1',
  },
  { point: 'P1.2', does: 'says 400 where nobody is served', status: (status) => (status === 404 ? 400 : status) },
  { point: 'P1.3', does: 'takes every origin', headers: ({ origin: _, ...others }) => others },
  { point: 'P1.5', does: 'has one id for all', toClient: change('welcome', (frame) => ({ ...frame, connection: 'c' })) },
  { point: 'P2.1', does: 'says no error before 4004', toClient: change('error', () => undefined) },
  { point: 'P2.1', does: 'closes with another code', close: (code) => (code === 4004 ? 4001 : code) },
  {
    point: 'P2.1',
    does: 'takes a second hello',
    toServer: change('hello', (frame, { own }) => (own.has('hello') ? { type: 'pong' } : (own.set('hello', 1), frame))),
  },
  {
    point: 'P2.2',
    does: 'cuts off a name that is too long',
    toServer: change('hello', (frame) =>
      typeof frame['client']?.version === 'string'
        ? { ...frame, client: { ...frame['client'], version: frame['client'].version.slice(0, 200) } }
        : frame,
    ),
  },
  {
    point: 'P2.3',
    does: 'repeats the token',
    toServer: (frame, { own }) => (own.set('token', frame['auth']?.token ?? own.get('token')), [frame]),
    toClient: change('welcome', (frame, { own }) => ({ ...frame, token: own.get('token') })),
  },
  { point: 'P2.3', does: 'does not look at the header', headers: ({ authorization: _, ...others }) => others },
  { point: 'P2.4', does: 'wants strangers to come back', close: (code) => (code === 4001 ? 4101 : code) },
  {
    point: 'P2.5',
    does: 'makes every session anew',
    toServer: change('hello', ({ session: _, ...frame }) => frame),
  },
  {
    point: 'P2.5',
    does: 'calls a lost session a bug',
    close: (code) => (code === 4301 ? 1011 : code),
  },
  {
    point: 'P2.7',
    does: 'drops what comes before welcome',
    toServer: change('request', (frame, { own }) => (own.has('welcome') ? frame : undefined)),
    toClient: change('welcome', (frame, { own }) => (own.set('welcome', true), frame)),
  },
  {
    point: 'P4.1',
    does: 'does not say how large the window is',
    toClient: change('welcome', (frame) => ({ ...frame, limits: { ...frame['limits'], window: undefined } })),
  },
  { point: 'P4.2', does: 'says nothing of streams', toClient: change('welcome', (frame) => ({ ...frame, streams: {} })) },
  { point: 'P4.3', does: 'answers before the replay is over', ...late('live', 'response') },
  {
    point: 'P4.4',
    does: 'leaves both connections of a session open',
    close: (code) => (code === 4309 ? undefined : code),
  },
  {
    point: 'P5.1',
    does: 'takes any id',
    toServer: change('request', (frame) => ({ ...frame, id: frame['id'].length === 36 ? frame['id'] : randomUUID() })),
  },
  { point: 'P5.2', does: 'answers twice', toClient: (frame) => (frame.type === 'response' ? [frame, frame] : [frame]) },
  {
    point: 'P5.2',
    does: 'answers in another order',
    toClient: (frame, { own }) => {
      if (frame.type !== 'response') return [frame];
      const before = own.get('before') as Wire | undefined;
      own.set('before', before === undefined ? frame : undefined);
      return before === undefined ? [] : [frame, before];
    },
  },
  {
    point: 'P5.3',
    does: 'shows its stack',
    toClient: change('response', (frame) =>
      frame['ok'] ? frame : { ...frame, error: { ...frame['error'], message: 'no\n    at x (/srv/app/node_modules/y.js:1:1)' } },
    ),
  },
  { point: 'P5.4', does: 'sends events before the response', ...late('response', 'events') },
  { point: 'P5.5', does: 'executes what is repeated', ...forgetful(({ id }, wired) => seen('ids', wired, id)) },
  {
    point: 'P5.5',
    does: 'forgets its answers with the connection',
    ...forgetful(({ id }, wired) => {
      const isMine = wired.own.has(id);
      wired.own.set(id, true);
      return seen('ids', wired, id) && !isMine;
    }),
  },
  {
    point: 'P5.6',
    does: 'takes an id for something else',
    ...forgetful(({ id, method, data }, wired) => {
      const isKnown = seen('ids', wired, id);
      return !seen('requests', wired, JSON.stringify([id, method, data])) && isKnown;
    }),
  },
  { point: 'P6.1', does: 'goes on after unsubscribe', toServer: change('unsubscribe', () => ({ type: 'pong' })) },
  {
    point: 'P6.2',
    does: 'counts from 0',
    toClient: change('events', (frame) => ({ ...frame, offset: frame['offset'] - 1 })),
  },
  {
    point: 'P6.2',
    does: 'changes its epoch on the way',
    toClient: change('events', (frame) => ({ ...frame, epoch: frame['offset'] > 2 ? 'another' : frame['epoch'] })),
  },
  {
    point: 'P6.2',
    does: 'loses an event in the middle',
    toClient: change('events', (frame, { own }) =>
      frame['offset'] > 2 && !own.has('lost') ? (own.set('lost', true), undefined) : frame,
    ),
  },
  {
    point: 'P6.3',
    does: 'counts every other number',
    toClient: change('events', (frame) => ({
      ...frame,
      events: frame['events'].map((event: any) => ({ ...event, n: event.n * 2 - 1, id: `${event.run}:${event.n * 2 - 1}` })),
    })),
  },
  {
    point: 'P6.4',
    does: 'begins one event too late',
    toServer: change('hello', (frame) =>
      cursorsOf(frame, ({ epoch, offset }) => ({ epoch, offset: offset > 0 && offset < 6 ? offset + 1 : offset })),
    ),
  },
  { point: 'P6.4', does: 'never says live', toClient: change('live', () => undefined) },
  {
    point: 'P6.4',
    does: 'sends the end of a replay without its beginning',
    toClient: change('events', (frame, { own }) => (own.has('begun') ? frame : (own.set('begun', true), undefined))),
  },
  {
    point: 'P6.5',
    does: 'goes on in another epoch without a word',
    toClient: change('reset', () => undefined),
  },
  {
    point: 'P6.5',
    does: 'says live of what is reset',
    toClient: change('welcome', (frame) => ({
      ...frame,
      streams: Object.fromEntries(
        Object.entries(frame['streams']).map(([name, stream]) => [name, { ...(stream as object), status: 'live' }]),
      ),
    })),
  },
  { point: 'P6.6', does: 'takes any ack', toClient: change('error', () => undefined) },
  {
    point: 'P6.7',
    does: 'sends without end',
    toClient: (frame, wired) => {
      const { type, stream, epoch } = frame;
      if (type === 'events')
        wired.toServer({ type: 'ack', stream, epoch, offset: frame['offset'] + frame['events'].length - 1 });
      return [frame];
    },
  },
  { point: 'P6.7', does: 'never goes on', toServer: change('ack', () => undefined) },
  { point: 'P6.8', does: 'does not look back', toServer: change('pull', () => undefined) },
  { point: 'P6.9', does: 'tells no position', toClient: change('ping', () => undefined) },
  {
    point: 'P6.9',
    does: 'tells a position that is behind',
    toClient: change('ping', (frame) => ({
      ...frame,
      positions: Object.fromEntries(
        Object.entries(frame['positions']).map(([name, at]: [string, any]) => [name, { ...at, offset: at.offset - 1 }]),
      ),
    })),
  },
  {
    point: 'P7.1',
    does: 'complains of a cancel that comes too late',
    toServer: (frame, { toClient }) => {
      if (frame.type === 'cancel') toClient({ type: 'error', code: 'RUN_NOT_FOUND', message: 'No.', correlation: 'c' });
      return [frame];
    },
  },
  { point: 'P7.2', does: 'does not cancel', text: 'hang', toServer: change('cancel', () => undefined) },
  { point: 'P8.1', does: 'never asks', toClient: change('ping', () => undefined) },
  { point: 'P8.2', does: 'answers twice', toClient: (frame) => (frame.type === 'pong' ? [frame, frame] : [frame]) },
  { point: 'P11.1', does: 'says nothing at the end', toClient: change('bye', () => undefined) },
  { point: 'P11.1', does: 'calls all back', toClient: change('bye', (frame) => ({ ...frame, retry: 'backoff' })) },
  { point: 'P12.1', does: 'ignores what is no JSON', passes: () => false },
  { point: 'P12.1', does: 'complains twice', toClient: (frame) => (frame.type === 'error' ? [frame, frame] : [frame]) },
  {
    point: 'P12.1',
    does: 'reads binary frames',
    toServer: (frame) => [frame],
    passes: (_, isBinary) => !isBinary,
  },
  { point: 'P12.2', does: 'does not name the request', toClient: change('error', ({ request: _, ...frame }) => frame) },
  { point: 'P12.3', does: 'takes messages of any size', maxPayload: 1e9, passes: (data) => data.length < 1e5 },
  { point: 'P12.4', does: 'bears everything', close: (code) => (code === 4103 ? undefined : code) },
];
