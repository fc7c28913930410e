/** Bad clients, each by functions on the frames of our own, and the point that it breaks. */
import { randomUUID } from 'node:crypto';
import type { ConnectOptions, WebSocketLike } from '@muster/client';
import { WebSocket } from 'ws';

interface Frame {
  readonly type: string;
  readonly [field: string]: any;
}

/** One connection of a bad client. */
interface Wired {
  /** What the mutant has noted, on all connections. */
  readonly notes: Map<string, any>;
  /** Which connection it is, from 0 on. */
  readonly number: number;
  /** Past the mutant. */
  readonly send: (frame: object) => void;
  /** Cuts the connection; the client takes it for a close with `code`. */
  readonly cut: (code: number) => undefined;
}

export interface ClientMutant {
  readonly point: string;
  readonly does: string;
  readonly url?: (url: string, token: string) => string;
  readonly protocol?: string;
  readonly opens?: (wired: Wired) => void;
  readonly sends?: (frame: Frame, wired: Wired) => readonly object[];
  readonly gets?: (frame: Frame, wired: Wired) => readonly object[];
  readonly closed?: (code: number) => number;
  readonly options?: Partial<ConnectOptions>;
}

const change =
  (type: string, how: (frame: Frame, wired: Wired) => object | undefined) =>
  (frame: Frame, wired: Wired): object[] => {
    if (frame.type !== type) return [frame];
    const changed = how(frame, wired);
    return changed === undefined ? [] : [changed];
  };

/** Takes the offset of every events frame for the next one. */
const countsItself = change('events', (frame, { notes }) => {
  const offset = notes.get('offset') ?? 1;
  notes.set('offset', offset + frame['events'].length);
  return { ...frame, offset };
});

export const CLIENT_MUTANTS: readonly ClientMutant[] = [
  { point: 'P1.1', does: 'offers another protocol', protocol: 'muster.v2' },
  { point: 'P2.1', does: 'pings before hello', opens: ({ send }) => send({ type: 'ping' }) },
  {
    point: 'P2.1',
    does: 'does not say who it is',
    sends: change('hello', ({ client: _, ...frame }) => frame),
  },
  { point: 'P2.1', does: 'says hello twice', sends: (frame) => (frame.type === 'hello' ? [frame, frame] : [frame]) },
  { point: 'P2.3', does: 'has its token in the URL', url: (url, token) => `${url}?token=${encodeURIComponent(token)}` },
  { point: 'P2.3', does: 'shows no token', sends: change('hello', ({ auth: _, ...frame }) => frame) },
  {
    point: 'P3.1',
    does: 'leaves where it has to wait',
    gets: change('wait', (_, { cut }) => cut(4101)),
  },
  { point: 'P2.5', does: 'forgets its session', sends: change('hello', ({ session: _, ...frame }) => frame) },
  {
    point: 'P5.5',
    does: 'asks again under another id',
    sends: change('request', (frame, { number }) => ({ ...frame, id: `${frame['id'].slice(0, -1)}${number}` })),
  },
  {
    point: 'P5.5',
    does: 'does not ask again',
    sends: change('request', (frame, { number }) => (number === 0 ? frame : undefined)),
  },
  { point: 'P6.4', does: 'hands on what it has', gets: countsItself },
  { point: 'P6.4', does: 'forgets its cursors', sends: change('hello', (frame) => ({ ...frame, cursors: {} })) },
  {
    point: 'P6.4',
    does: 'has a cursor that is ahead',
    sends: change('hello', (frame) => ({
      ...frame,
      cursors: Object.fromEntries(
        Object.entries(frame['cursors']).map(([name, at]: [string, any]) => [name, { ...at, offset: at.offset + 1 }]),
      ),
    })),
  },
  { point: 'P6.5', does: 'does not see a reset', gets: change('reset', () => undefined) },
  {
    point: 'P6.6',
    does: 'acknowledges what it receives',
    gets: change('events', (frame, { send }) => {
      const { stream, epoch, offset, events } = frame;
      send({ type: 'ack', stream, epoch, offset: offset + events.length - 1 });
      return frame;
    }),
  },
  { point: 'P6.6', does: 'acknowledges nothing', sends: change('ack', () => undefined) },
  {
    point: 'P6.6',
    does: 'acknowledges too much',
    sends: change('ack', (frame) => ({ ...frame, offset: frame['offset'] + 1 })),
  },
  { point: 'P6.8', does: 'steps over a gap', gets: countsItself },
  { point: 'P6.8', does: 'does not pull', sends: change('pull', () => undefined) },
  {
    point: 'P6.8',
    does: 'pulls from too far',
    sends: change('pull', (frame) => ({ ...frame, since: frame['since'] + 1 })),
  },
  { point: 'P6.9', does: 'does not look at positions', gets: change('ping', (frame) => ({ ...frame, positions: {} })) },
  { point: 'P8.2', does: 'answers no ping', sends: change('pong', () => undefined) },
  {
    point: 'P10.1',
    does: 'comes back at once from a drain',
    gets: change('drain', (frame) => ({ ...frame, reconnectInMs: 0 })),
  },
  {
    point: 'P10.3',
    does: 'leaves before it has another connection',
    gets: change('drain', (_, { cut }) => cut(4201)),
  },
  {
    point: 'P11.1',
    does: 'does not wait as long as bye asks',
    gets: change('bye', ({ retryAfterMs: _, ...frame }) => frame),
  },
  {
    point: 'P12.2',
    does: 'leaves when it reads something new',
    gets: change('novelty', (_, { cut }) => cut(4101)),
  },
  { point: 'P14', does: 'comes back after 4001', closed: (code) => (code === 4001 ? 4101 : code) },
  {
    point: 'P14',
    does: 'comes back after a code that it does not know',
    closed: (code) => (code === 4099 ? 4101 : code),
  },
  {
    point: 'P14',
    does: 'takes its time after 4201',
    closed: (code) => (code === 4201 ? 4101 : code),
    options: { backoffMs: 30_000, random: { next: () => 0.9, uuid: randomUUID } },
  },
  { point: 'P14', does: 'stays away after 4201', closed: (code) => (code === 4201 ? 4001 : code) },
  { point: 'P14', does: 'keeps a session that has expired', closed: (code) => (code === 4301 ? 4201 : code) },
  { point: 'P14', does: 'comes back at once, again and again', options: { backoffMs: 0 } },
];

/** What makes a bad client of ours; `name` is what the mutant does. */
export function mangled(name: string, token: string): Partial<ConnectOptions> {
  const mutant = CLIENT_MUTANTS.find(({ does }) => does === name);
  if (mutant === undefined) throw new Error(`There is no mutant that ${name}.`);
  const notes = new Map<string, any>();
  let count = 0;
  class Mangled implements WebSocketLike {
    onopen: ((event: any) => void) | null = null;
    onmessage: ((event: any) => void) | null = null;
    onclose: ((event: any) => void) | null = null;
    onerror: ((event: any) => void) | null = null;
    readonly #inner: WebSocket;
    readonly #wired: Wired;

    constructor(url: string, protocol: string) {
      const inner = new WebSocket(mutant?.url?.(url, token) ?? url, mutant?.protocol ?? protocol);
      this.#inner = inner;
      this.#wired = {
        notes,
        number: count++,
        send: (frame) => inner.send(JSON.stringify(frame)),
        cut: (code) => {
          inner.terminate();
          inner.onclose = inner.onmessage = null;
          this.onclose?.({ code, reason: '' });
          return undefined;
        },
      };
      inner.onerror = (event) => this.onerror?.(event);
      inner.onopen = (event) => {
        mutant?.opens?.(this.#wired);
        this.onopen?.(event);
      };
      inner.onclose = ({ code, reason }) => this.onclose?.({ code: mutant?.closed?.(code) ?? code, reason });
      inner.onmessage = ({ data }) => {
        const frame = JSON.parse(data as string) as Frame;
        for (const each of mutant?.gets?.(frame, this.#wired) ?? [frame])
          this.onmessage?.({ data: JSON.stringify(each) });
      };
    }

    send(text: string): void {
      const frame = JSON.parse(text) as Frame;
      for (const each of mutant?.sends?.(frame, this.#wired) ?? [frame]) this.#wired.send(each);
    }

    close(code?: number, reason?: string): void {
      this.#inner.close(code, reason);
    }
  }
  return { WebSocket: Mangled, ...mutant.options };
}
