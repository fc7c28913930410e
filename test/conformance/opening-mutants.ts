/** Bad servers, each by one function, and the point that it breaks: how connections open, and how requests are answered. */
import { randomUUID } from 'node:crypto';
import type { Wire } from './mangling-proxy.ts';
import { change, forgetful, late, seen, type ServerMutant } from './mutate.ts';

export const OPENING_MUTANTS: readonly ServerMutant[] = [
  {
    point: 'P1.1',
    does: 'selects the subprotocol with the token',
    protocol: (offered) => [...offered].find((each) => each.startsWith('bearer.')) ?? 'muster.v1',
  },
  { point: 'P1.2', does: 'says 400 where nobody is served', status: (status) => (status === 404 ? 400 : status) },
  { point: 'P1.3', does: 'takes every origin', headers: ({ origin: _, ...others }) => others },
  {
    point: 'P1.5',
    does: 'has one id for all',
    toClient: change('welcome', (frame) => ({ ...frame, connection: 'c' })),
  },
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
  { point: 'P2.3', does: 'does not look at hello', toServer: change('hello', ({ auth: _, ...frame }) => frame) },
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
  {
    point: 'P4.2',
    does: 'says nothing of streams',
    toClient: change('welcome', (frame) => ({ ...frame, streams: {} })),
  },
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
      frame['ok']
        ? frame
        : { ...frame, error: { ...frame['error'], message: 'no\n    at x (/srv/app/node_modules/y.js:1:1)' } },
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
];
