/** One connection of a client, seen from a server that says exactly what a scenario tells it to. */
import {
  type AckFrame,
  type AgentEvent,
  type ClientFrame,
  type Clock,
  CLOSE,
  type HelloFrame,
  isResumable,
  parseClientFrame,
  type Position,
  retryAfter,
} from '@muster/contracts';
import type { WebSocket } from 'ws';
import { Conversation } from './conversation.ts';

/** What the client asked for before there was a connection. */
export interface Upgrade {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly authorization: string | undefined;
}

/** The one stream of a scenario as the server has it. */
export interface Stream extends Position {
  readonly thread: string;
}

export interface WelcomeOptions {
  readonly session: string;
  /** @default live */
  readonly status?: 'live' | 'reset';
}

export class ScriptedLink extends Conversation<ClientFrame> {
  readonly upgrade: Upgrade;
  /** When it was opened, in milliseconds on the clock's scale. */
  readonly openedAt: number;

  constructor(socket: WebSocket, upgrade: Upgrade, clock: Clock, deadlineMs: number) {
    super(socket, { parse: parseClientFrame, ping: { type: 'ping', positions: {} }, clock, deadlineMs });
    this.upgrade = upgrade;
    this.openedAt = clock.monotonic();
  }

  /** The first frame. @throws Deviation when it is none. */
  async hello(): Promise<HelloFrame> {
    const first = await this.until('hello', () => this.frames[0]);
    if (first.type !== 'hello') throw this.deviation('hello as the first frame', first.type);
    return first;
  }

  /**
   * Welcomes the client, and replays nothing. A client that names the stream in a `subscribe` frame is waited for.
   *
   * @returns the cursor that the client has shown, if so. @throws Deviation
   */
  async welcome(
    { thread, epoch, offset: top }: Stream,
    { session, status = 'live' }: WelcomeOptions,
  ): Promise<Position | undefined> {
    const hello = await this.hello();
    const isNamed = hello.subscribe.includes(thread) || Object.hasOwn(hello.cursors, thread);
    this.send({
      type: 'welcome',
      connection: `connection-${this.openedAt}`,
      session,
      user: 'conformance',
      heartbeatMs: 15_000,
      limits: {
        messageBytes: 65_536,
        framesPerSecond: 1_000,
        bytesPerSecond: 1_048_576,
        mailbox: 256,
        window: 1_024,
        streams: 64,
      },
      durability: 'memory',
      streams: isNamed ? { [thread]: { epoch, floor: 0, top, status } } : {},
    });
    if (isNamed) return hello.cursors[thread];
    const { cursor } = await this.expect('subscribe', {
      what: `of ${thread}`,
      fits: ({ stream }) => stream === thread,
    });
    return cursor;
  }

  /** Ends a replay. */
  live(stream: Stream): void {
    this.send({ type: 'live', stream: stream.thread, epoch: stream.epoch, offset: stream.offset });
  }

  /** Sends events of a run whose first one stands at offset `from` of the stream; `more` goes into the frame. */
  events({ thread, epoch }: Stream, events: readonly AgentEvent[], offset: number, more: object = {}): void {
    this.send({ type: 'events', stream: thread, epoch, offset, events, ...more });
  }

  /** Says where the stream stands. */
  position({ thread, epoch, offset }: Stream): void {
    this.send({ type: 'ping', positions: { [thread]: { epoch, offset } } });
  }

  /** Says bye and closes. */
  leave(code: number, hint: { readonly retryAfterMs?: number } = {}): void {
    const name = Object.entries(CLOSE).find(([, each]) => each === code)?.[0] ?? 'unknown';
    this.send({ type: 'bye', code, name, retry: retryAfter(code), resumable: isResumable(code), ...hint });
    this.socket.close(code);
  }

  /** An ack of everything up to `offset`. @throws Deviation, also for one of more. */
  async acknowledged({ thread, epoch, offset }: Stream): Promise<void> {
    await this.until(`an ack of ${offset}`, () => {
      const acks = this.all('ack').filter((ack) => ack.stream === thread && ack.epoch === epoch);
      const beyond = acks.find((ack) => ack.offset > offset);
      if (beyond !== undefined) throw this.deviation(`acks up to ${offset}`, `one of ${beyond.offset}`);
      return acks.find((ack: AckFrame) => ack.offset === offset);
    });
  }

  /** A pull of everything above `since`. @throws Deviation, also for another one. */
  async pulled({ thread, epoch }: Stream, since: number, from = 0): Promise<void> {
    const pull = await this.expect('pull', { from, what: `above ${since}`, fits: ({ stream }) => stream === thread });
    this.assert(pull.since === since && pull.epoch === epoch, `a pull above ${since} of epoch ${epoch}`, pull);
  }
}

/** The events of one run: it starts, says something in between, and ends. */
export function runOf(run: string, count: number, isEnded = true): AgentEvent[] {
  return Array.from({ length: count }, (_, index): AgentEvent => {
    const n = index + 1;
    const base = { id: `${run}:${n}`, run, n, agent: 'conformance', at: 1_767_225_600_000 + n };
    if (n === 1) return { ...base, event: 'agent_started', data: { message: 'conformance' } };
    if (n < count || !isEnded) return { ...base, event: 'agent_output', data: { delta: `${n} ` } };
    return { ...base, event: 'agent_completed', data: { status: 'success', by: 'agent', count: n, durationMs: 1 } };
  });
}
