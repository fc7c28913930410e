/**
 * A server in memory, for a client on a fake clock: it keeps logs, replays, answers pulls and remembers request ids.
 *
 * A test takes over what it wants to see go wrong: `answer` comes before everything that the server does by itself.
 */
import type { AgentEvent, ServerFrame } from '@muster/contracts';
import { Client, type ConnectOptions, type WebSocketLike } from '@muster/client';
import { FakeClock } from '@muster/core/testing';

/** The server's end of one socket. */
export class FakeSocket implements WebSocketLike {
  onopen: ((event: unknown) => void) | null = null;
  onmessage: ((event: unknown) => void) | null = null;
  onclose: ((event: unknown) => void) | null = null;
  onerror: ((event: unknown) => void) | null = null;
  readonly received: any[] = [];
  /** Streams that are sent on this socket, once it was welcomed. */
  readonly follows = new Set<string>();
  readonly url: string;
  readonly protocol: string;
  /** How the client closed it. */
  closedByClient: number | undefined;
  isClosed = false;
  readonly #server: FakeServer;

  constructor(server: FakeServer, url: string, protocol: string) {
    this.#server = server;
    this.url = url;
    this.protocol = protocol;
  }

  send(text: string): void {
    if (this.isClosed) throw new Error('a frame for a socket that is closed');
    const frame: unknown = JSON.parse(text);
    this.received.push(frame);
    queueMicrotask(() => this.#server.handle(this, frame));
  }

  close(code = 1000): void {
    if (this.isClosed) return;
    this.closedByClient = code;
    if (!this.#server.isDeaf) queueMicrotask(() => this.end(code, ''));
  }

  open(): void {
    if (!this.isClosed) this.onopen?.({});
  }

  say(...frames: object[]): void {
    for (const frame of frames) if (!this.isClosed) this.onmessage?.({ data: JSON.stringify(frame) });
  }

  end(code: number, reason = ''): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onclose?.({ code, reason });
  }

  /** What the client sent of one type. */
  all(type: string): any[] {
    return this.received.filter((frame) => frame.type === type);
  }
}

export interface FakeLog {
  epoch: string;
  floor: number;
  events: AgentEvent[];
}

export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly logs = new Map<string, FakeLog>();
  /** Requests by id: how often each was executed. */
  readonly executed = new Map<string, number>();
  /** True when a close is never answered, as by a half-open network. */
  isDeaf = false;
  /** False when sockets stay in their opening. */
  opens = true;
  session = 'session-1';
  /** 0 for a server that owes no pings. */
  heartbeatMs = 0;
  messageBytes = 65_536;
  /** Handles a frame instead of the server, by returning true. */
  answer: (socket: FakeSocket, frame: any) => boolean | void = () => false;
  /** The data of a response. */
  execute: (frame: any, socket: FakeSocket) => unknown = () => null;
  readonly WebSocket: new (url: string, protocols: string) => WebSocketLike;

  constructor() {
    // eslint-disable-next-line unicorn/no-this-assignment
    const server = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocols: string) {
        super(server, url, protocols);
        server.sockets.push(this);
        if (server.opens) queueMicrotask(() => this.open());
      }
    };
  }

  get last(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }

  log(stream: string): FakeLog {
    const log = this.logs.get(stream) ?? { epoch: 'e', floor: 0, events: [] };
    this.logs.set(stream, log);
    return log;
  }

  /** Appends, and sends to every socket that follows. */
  append(stream: string, ...events: AgentEvent[]): void {
    const log = this.log(stream);
    const offset = log.floor + log.events.length + 1;
    log.events.push(...events);
    for (const socket of this.sockets)
      if (socket.follows.has(stream)) socket.say({ type: 'events', stream, epoch: log.epoch, offset, events });
  }

  handle(socket: FakeSocket, frame: any): void {
    if (socket.isClosed || this.answer(socket, frame) === true) return;
    if (frame.type === 'hello') this.welcome(socket, frame);
    if (frame.type === 'request') this.respond(socket, frame);
    if (frame.type === 'pull') this.replay(socket, frame.stream, { epoch: frame.epoch, offset: frame.since });
    if (frame.type === 'subscribe') {
      socket.follows.add(frame.stream);
      this.replay(socket, frame.stream, frame.cursor);
    }
    if (frame.type === 'unsubscribe') socket.follows.delete(frame.stream);
  }

  welcome(socket: FakeSocket, hello: any): void {
    const names = new Set<string>([...hello.subscribe, ...Object.keys(hello.cursors)]);
    const streams = Object.fromEntries(
      [...names].map((name) => {
        const { epoch, floor, events } = this.log(name);
        return [name, { epoch, floor, top: floor + events.length, status: 'live' }];
      }),
    );
    socket.say(
      welcomeFrame({ session: this.session, heartbeatMs: this.heartbeatMs, messageBytes: this.messageBytes, streams }),
    );
    for (const name of names) {
      socket.follows.add(name);
      this.replay(socket, name, hello.cursors[name]);
    }
  }

  respond(socket: FakeSocket, frame: any): void {
    this.executed.set(frame.id, (this.executed.get(frame.id) ?? 0) + 1);
    socket.say({ type: 'response', id: frame.id, ok: true, data: this.execute(frame, socket) });
  }

  /** Everything above the cursor in frames of three, then `live`; or a reset where that cannot be. */
  replay(socket: FakeSocket, stream: string, cursor: { epoch: string; offset: number } | undefined): void {
    const { epoch, floor, events } = this.log(stream);
    const top = floor + events.length;
    let at = cursor?.offset ?? floor;
    if (cursor && (cursor.epoch !== epoch || cursor.offset < floor || cursor.offset > top)) {
      socket.say({ type: 'reset', stream, epoch, floor, why: 'it is gone' });
      at = floor;
    }
    for (; at < top; at += 3) {
      const part = events.slice(at - floor, at - floor + 3);
      socket.say({ type: 'events', stream, epoch, offset: at + 1, events: part });
    }
    socket.say({ type: 'live', stream, epoch, offset: top });
  }
}

export function welcomeFrame(more: {
  session?: string;
  heartbeatMs?: number;
  messageBytes?: number;
  streams?: object;
}): ServerFrame {
  const { session = 'session-1', heartbeatMs = 0, messageBytes = 65_536, streams = {} } = more;
  const limits = {
    messageBytes,
    framesPerSecond: 100,
    bytesPerSecond: 1_000_000,
    mailbox: 256,
    window: 1_024,
    streams: 64,
  };
  const welcome = {
    type: 'welcome',
    connection: 'c',
    session,
    user: 'ann',
    heartbeatMs,
    limits,
    durability: 'fsync',
    streams,
  };
  return welcome as ServerFrame;
}

/** The nth event of a run. */
export function event(run: string, n: number, more: object = {}): AgentEvent {
  const body = { event: 'agent_thinking', data: { reasoning: `${n}` }, ...more };
  return { id: `${run}:${n}`, run, n, agent: 'a', at: 0, ...body } as AgentEvent;
}

export function events(run: string, from: number, to: number): AgentEvent[] {
  return Array.from({ length: to - from + 1 }, (_, i) => event(run, from + i));
}

export function terminal(run: string, n: number, more: object = {}): AgentEvent {
  return event(run, n, {
    event: 'agent_completed',
    data: { status: 'success', by: 'agent', count: n, durationMs: 1, ...more },
  });
}

/** Random numbers that a test gives one by one; the last is repeated. */
export function randomOf(...numbers: number[]) {
  let ids = 0;
  return {
    next: () => (numbers.length > 1 ? (numbers.shift() as number) : (numbers[0] ?? 0.5)),
    uuid: () => `00000000-0000-4000-8000-${String((ids += 1)).padStart(12, '0')}`,
  };
}

/** A client of a fake server, not yet opened. */
export function setUp(options: Partial<ConnectOptions> = {}) {
  const server = new FakeServer();
  const clock = new FakeClock();
  const { WebSocket } = server;
  const client = new Client({
    url: 'wss://x/ws',
    token: 'secret',
    WebSocket,
    clock,
    random: randomOf(0.5),
    ...options,
  });
  const errors: string[] = [];
  client.onError(({ code }) => errors.push(code));
  return { server, clock, client, errors };
}

/** A client that is ready. */
export async function ready(options: Partial<ConnectOptions> = {}) {
  const all = setUp(options);
  await all.client.open();
  await all.clock.settle();
  return all;
}
