/** Tabs of a user that lose their connections and come back, and what each has seen. */
import { once } from 'node:events';
import { Client } from '@muster/client';
import type { AgentEvent, ClientFrameInput, EventsFrame, Position, Random, ServerFrame } from '@muster/contracts';
import type { WebSocket } from 'ws';
import type { Sniffed } from './sniffing-socket.ts';

/** What a tab has to show in the end: per thread the numbers of its events, as they came. */
export class Seen {
  readonly byThread = new Map<string, string[]>();
  #look: (() => void)[] = [];
  #problem: Error | undefined;

  /** Whoever waits for events hears of it. */
  failed(problem: string): void {
    this.#problem ??= new Error(problem);
    for (const look of this.#look.splice(0)) look();
  }

  add(thread: string, { id }: AgentEvent): void {
    const seen = this.byThread.get(thread) ?? [];
    this.byThread.set(thread, seen);
    seen.push(id);
    for (const look of this.#look.splice(0)) look();
  }

  get count(): number {
    return [...this.byThread.values()].reduce((sum, { length }) => sum + length, 0);
  }

  async reaches(count: number): Promise<void> {
    while (this.count < count && this.#problem === undefined)
      await new Promise<void>((resolve) => this.#look.push(resolve));
    if (this.#problem !== undefined) throw this.#problem;
  }
}

export interface Tab {
  readonly seen: Seen;
  /** Asks the handler to append so many events to a thread of the user. */
  append(thread: string, count: number): void;
  /** Loses its connection in this way, and comes back. */
  lose(how: 'terminate' | 'close'): Promise<void>;
  close(): Promise<unknown>;
}

/** A tab with our client, which comes back by itself. */
export function clientTab(
  url: string,
  user: string,
  threads: readonly string[],
  sniffed: Sniffed,
  random: Random,
): Tab & { open(): Promise<unknown> } {
  const seen = new Seen();
  const sockets: WebSocket[] = [];
  class Socket extends sniffed.Socket {
    constructor(to: string, protocols: string) {
      super(to, protocols);
      sockets.push(this);
    }
  }
  const client = new Client({
    url: `${url}/ws`,
    token: `token:${user}`,
    WebSocket: Socket as never,
    subscribe: threads,
    onEvent: (event, thread) => seen.add(thread, event),
    backoffMs: 5,
    maxBackoffMs: 20,
    random,
  });
  return {
    seen,
    open: () => client.open(),
    append: (thread, count) => void client.request('append', { thread, count }),
    lose: async (how) => {
      const socket = sockets.at(-1) as WebSocket;
      // 4201 is what a server that drains would say; the peer repeats the code.
      if (how === 'close') socket.close(4201);
      else socket.terminate();
    },
    close: () => client.close(),
  };
}

/** A tab that knows nothing but frames: it keeps session and cursors, and drops what it has, as P6.4 says. */
export class RawTab implements Tab {
  readonly seen = new Seen();
  readonly #make: () => WebSocket;
  readonly #user: string;
  readonly #threads: readonly string[];
  readonly #cursors = new Map<string, Position>();
  readonly #unanswered = new Map<string, () => void>();
  #answered: Promise<void> = Promise.resolve();
  #session: string | undefined;
  socket!: WebSocket;

  constructor(url: string, user: string, threads: readonly string[], sniffed: Sniffed) {
    this.#make = () => new sniffed.Socket(`${url}/ws`, 'muster.v1');
    this.#user = user;
    this.#threads = threads;
  }

  async open(): Promise<void> {
    const socket = (this.socket = this.#make());
    await once(socket, 'open');
    const welcomed = new Promise<void>((resolve) => {
      socket.on('message', (data: Buffer) => {
        const frame = JSON.parse(data.toString('utf8')) as ServerFrame;
        if (socket === this.socket) this.#received(frame);
        if (frame.type === 'welcome') resolve();
      });
    });
    this.send({
      type: 'hello',
      client: { id: 'raw', name: 'raw', version: '1' },
      auth: { scheme: 'bearer', token: `token:${this.#user}` },
      ...(this.#session === undefined ? {} : { session: this.#session }),
      subscribe: [...this.#threads],
      // `__proto__` among the names would be lost in an object that is assigned to.
      cursors: Object.fromEntries(this.#cursors),
    });
    await welcomed;
  }

  send(frame: ClientFrameInput): void {
    this.socket.send(JSON.stringify(frame));
  }

  append(thread: string, count: number): void {
    const id = crypto.randomUUID();
    this.#answered = new Promise((resolve) => this.#unanswered.set(id, resolve));
    this.send({ type: 'request', id, method: 'append', data: { thread, count } });
  }

  async lose(how: 'terminate' | 'close'): Promise<void> {
    // It does not repeat requests, so none may be lost.
    await this.#answered;
    const lost = this.socket;
    const closed = once(lost, 'close');
    if (how === 'close') lost.close();
    else lost.terminate();
    await closed;
    await this.open();
  }

  async close(): Promise<void> {
    this.socket.close();
    await once(this.socket, 'close');
  }

  #received(frame: ServerFrame): void {
    if (frame.type === 'welcome') this.#session = frame.session;
    if (frame.type === 'ping') this.send({ type: 'pong' });
    if (frame.type === 'reset' || frame.type === 'error') this.seen.failed(JSON.stringify(frame));
    if (frame.type === 'response') this.#unanswered.get(frame.id)?.();
    if (frame.type === 'events') this.#apply(frame);
  }

  #apply({ stream, epoch, offset, events }: EventsFrame): void {
    const at = this.#cursors.get(stream)?.offset ?? 0;
    if (offset > at + 1) this.seen.failed(`a hole in ${JSON.stringify(stream)} between ${at} and ${offset}`);
    const fresh = events.slice(at + 1 - offset);
    for (const event of fresh) this.seen.add(stream, event);
    const end = Math.max(at, offset + events.length - 1);
    this.#cursors.set(stream, { epoch, offset: end });
    if (fresh.length > 0) this.send({ type: 'ack', stream, epoch, offset: end });
  }
}
