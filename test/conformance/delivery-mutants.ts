/** Bad servers, each by one function, and the point that it breaks: how events are delivered, and how connections end. */
import { change, cursorsOf, type ServerMutant } from './mutate.ts';

export const DELIVERY_MUTANTS: readonly ServerMutant[] = [
  { point: 'P6.1', does: 'goes on after unsubscribe', toServer: change('unsubscribe', () => ({ type: 'pong' })) },
  {
    point: 'P6.1',
    does: 'takes all for one user',
    toServer: change('hello', (frame) => ({ ...frame, auth: { scheme: 'bearer', token: 'token:everybody' } })),
  },
  { point: 'P6.1', does: 'does not say when streams are full', toClient: change('error', () => undefined) },
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
      events: frame['events'].map((event: any) => ({
        ...event,
        n: event.n * 2 - 1,
        id: `${event.run}:${event.n * 2 - 1}`,
      })),
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
  { point: 'P12.1', does: 'ignores what is no JSON', toServer: (frame) => [frame], passes: () => false },
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
