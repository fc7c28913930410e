/**
 * One connection from 101 to close: the CONNECTION table, what may come in which state, and what must happen exactly once.
 *
 * Every frame that comes is answered, executed or refused with an `error` frame; nothing is dropped in silence.
 */
import {
  CLOSE,
  type ClientFrame,
  type CloseName,
  CONNECTION,
  type ConnectionState,
  type HelloFrame,
  isResumable,
  MusterError,
  parseClientFrame,
  retryAfter,
  type ServerFrame,
  StateMachine,
  type Timer,
  type Transition,
} from '@muster/contracts';
import type { Clock, ConnectionView, Door, Random, RuntimeEvents } from '@muster/core';
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { type EventsFrameBytes, textOf } from '../delivery/frame-bytes.ts';
import type { FeedObserver, FrameSink } from '../delivery/stream-feed.ts';
import { serverError } from '../errors.ts';
import type { LegacyCodec } from '../legacy/legacy-codec.ts';
import type { Limits } from './limits.ts';
import type { Pulse } from './pulse.ts';
import { refused } from './response.ts';
import { type Serving, withoutServing } from './serving.ts';
import { BURST_SECONDS, TokenBucket } from './token-bucket.ts';
import { Wire, type WireObserver } from './wire.ts';

/** What all connections of a server share. */
export interface ConnectionSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
  readonly limits: Limits;
  readonly pulse: Pulse;
}

/** Told of the first frame, and of the end. */
export interface ConnectionOwner {
  hello(connection: Connection, frame: HelloFrame): void;
  gone(connection: Connection): void;
}

/** A socket right after its 101. */
export interface Upgraded {
  readonly socket: WebSocket;
  /** The socket of the upgrade. */
  readonly stream: Duplex;
  /** For a client of the legacy protocol. */
  readonly codec?: LegacyCodec | undefined;
}

/** Pause before a log that could not be read is read again, in milliseconds. */
const READ_AGAIN_MS = 1_000;

/**
 * How long after the last of a burst of events a client that has not acknowledged them is told where its streams stand,
 * in milliseconds; longer than a client takes for its acks.
 */
const POSITIONS_MS = 500;
/** How long a connection that is told to make room may stay, in milliseconds. */
const AGE_DRAIN_MS = 60_000;
/** The time over which offences are counted, in milliseconds. */
const OFFENCE_MS = 10_000;

export class Connection implements WireObserver, FrameSink, FeedObserver, ConnectionView {
  readonly id: string;
  /** When its upgrade was answered, in milliseconds since 1970. */
  readonly since: number;
  readonly #around: ConnectionSurroundings;
  readonly #owner: ConnectionOwner;
  readonly #machine: StateMachine<typeof CONNECTION>;
  readonly #wire: Wire;
  readonly #frames: TokenBucket;
  readonly #bytes: TokenBucket;
  /** Most connections have one. */
  #endings: (() => void)[] | undefined;
  readonly #pulsePart: number;
  readonly #codec: LegacyCodec | undefined;
  #gone: AbortController | undefined;
  /** What came between `hello` and `welcome`. */
  #early: { readonly frames: ClientFrame[]; bytes: number } | undefined;
  #serving: Serving = withoutServing;
  #unanswered = 0;
  #offences = 0;
  #offencesSince = 0;
  /** When the client acknowledged something last, or began to owe an ack. */
  #progressAt = 0;
  /** True from the first event after all were acknowledged. */
  #owes = false;
  #drainAt = Number.POSITIVE_INFINITY;
  #deadline: Timer | undefined;
  #positions: Timer | undefined;
  /** When events have gone out last. */
  #sentAt = 0;

  constructor(id: string, { socket, stream, codec }: Upgraded, around: ConnectionSurroundings, owner: ConnectionOwner) {
    this.id = id;
    this.since = around.clock.now();
    this.#codec = codec;
    this.#around = around;
    this.#owner = owner;
    const { clock, limits, pulse } = around;
    this.#machine = new StateMachine(`connection ${id}`, CONNECTION, 'connecting', this);
    const now = clock.monotonic();
    this.#frames = new TokenBucket(limits.framesPerSecond, now);
    this.#bytes = new TokenBucket(limits.bytesPerSecond, now);
    this.#wire = new Wire(socket, stream, limits.sendBufferBytes, this);
    this.#machine.send('upgraded');
    this.#deadline = clock.schedule(limits.handshakeMs, () => this.close('handshakeTimeout'));
    this.#pulsePart = pulse.add(this);
    if (codec !== undefined) this.#greet(codec.hello());
  }

  moved({ from, event, to }: Transition<typeof CONNECTION>): void {
    const { clock, events } = this.#around;
    events.emit({ type: 'moved', machine: 'connection', subject: this.id, from, event, to, at: clock.now() });
  }

  get state(): ConnectionState {
    return this.#machine.state;
  }

  /** `null` until the handshake is over. */
  get user(): string | null {
    return this.#serving.user;
  }

  /** Events on their way or at the client, and not acknowledged. */
  get unacknowledged(): number {
    return this.#serving.unacknowledged;
  }

  /** True from the moment in which nothing more can be sent. */
  get isOver(): boolean {
    return this.state === 'closing' || this.state === 'closed';
  }

  /** True for a client of the legacy protocol, which neither acknowledges nor answers pings. */
  get isLegacy(): boolean {
    return this.#codec !== undefined;
  }

  /** Aborted when the connection has gone; made when somebody looks at it. */
  get signal(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.state === 'closed') this.#gone.abort(new Error('the connection has gone'));
    return this.#gone.signal;
  }

  get isRoomy(): boolean {
    return this.#wire.isRoomy;
  }

  roomy(): Promise<void> | undefined {
    return this.#wire.roomy();
  }

  /** Calls `ending` once when the connection has gone; at once when it has. */
  onGone(ending: () => void): void {
    if (this.state === 'closed') ending();
    else if (this.#endings === undefined) this.#endings = [ending];
    else this.#endings.push(ending);
  }

  /** Moves along the table; false when the connection has no use for it, because it is closing or gone for instance. */
  move(event: 'authenticated' | 'permitted' | 'live' | 'degrade' | 'recover'): boolean {
    if (!this.#machine.can(event)) return false;
    this.#machine.send(event);
    return true;
  }

  /** The gate has moved; who is served hears of it. */
  gateMoved(state: Door['state']): void {
    this.#serving.gateMoved(state);
  }

  /** Tells the client to come back elsewhere. False where it is not served: then there is nothing to finish. */
  drain(deadlineMs: number, reconnectInMs: number): boolean {
    if (!this.#machine.can('drain')) return false;
    this.#machine.send('drain');
    this.send({ type: 'drain', deadlineMs: Math.round(deadlineMs), reconnectInMs: Math.round(reconnectInMs) });
    return true;
  }

  /** Asks the client to come again at some moment within so many milliseconds, as if the connection had grown old by then. */
  comeAgain(withinMs: number): void {
    const { clock, random } = this.#around;
    this.#drainAt = Math.min(this.#drainAt, clock.monotonic() + random.next() * withinMs);
  }

  /** From `welcome` on: no deadline any more, frames are read, and what came early has its turn. */
  welcomed(serving: Serving): void {
    const { clock, random, limits } = this.#around;
    this.#serving = serving;
    this.#deadline?.cancel();
    this.#deadline = undefined;
    this.#drainAt = Math.min(this.#drainAt, clock.monotonic() + limits.maxAgeMs * (0.9 + random.next() * 0.2));
    const early = this.#early?.frames ?? [];
    this.#early = undefined;
    for (const frame of early) this.#next(frame);
    this.#wire.resume();
  }

  send(frame: ServerFrame): void {
    if (this.#codec === undefined) this.#wire.send(frame);
    else for (const text of this.#codec.encode(frame)) this.#wire.write(text);
  }

  /** Sends the text of one frame. */
  write(frame: string): void {
    if (this.#codec === undefined) this.#wire.write(frame);
    else this.send(JSON.parse(frame) as ServerFrame);
  }

  sendEvents(frame: EventsFrameBytes): void {
    if (this.#codec === undefined) this.#wire.writeFramed(frame.wire);
    else this.send(JSON.parse(textOf(frame)) as ServerFrame);
  }

  /** Resolves when no request is being handled and none waits. */
  idle(): Promise<void> {
    return this.#serving.idle();
  }

  /** Events have gone out: a client that is silent is told soon where its streams stand, since the last can be lost unseen. */
  sent(): void {
    const { clock } = this.#around;
    this.#sentAt = clock.monotonic();
    if (!this.#owes) {
      this.#owes = true;
      this.#progressAt = this.#sentAt;
    }
    this.#positions ??= clock.schedule(POSITIONS_MS, () => this.#burstOver());
  }

  failed(error: unknown): void {
    this.failedAt('feed of a stream', error);
  }

  later(work: () => void): () => void {
    const timer = this.#around.clock.schedule(READ_AGAIN_MS, work);
    return () => timer.cancel();
  }

  /** Sends what the client may see of an error: what Muster foresaw as it is, of anything else only that it is logged. */
  failedAt(component: string, error: unknown): void {
    this.sendError(error instanceof MusterError ? error : this.fault(component, error));
  }

  /** The session has another connection. */
  replaced(): void {
    this.close('replaced');
  }

  /** Says `bye` and closes; harmless when that has happened. */
  close(name: CloseName, retryAfterMs?: number): void {
    if (!this.#machine.can('close')) return;
    const code = CLOSE[name];
    const after = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.send({ type: 'bye', code, name, retry: retryAfter(code), resumable: isResumable(code), ...after });
    this.#machine.send('close');
    this.#serving.close();
    this.#wire.close(...(this.#codec?.close(name) ?? [code, name]));
  }

  /** Cuts the connection without a word; for peers that do not answer. */
  terminate(): void {
    this.#wire.terminate();
  }

  /** Sends one `error` frame, whose correlation id also stands among the runtime events; the connection goes on. */
  sendError(error: MusterError, request?: string): void {
    const { code, message, hint, details } = error;
    const about = request === undefined ? {} : { request };
    const { clock, random, events } = this.#around;
    const correlation = typeof details['correlation'] === 'string' ? details['correlation'] : random.uuid();
    events.emit({ type: 'client-error', connection: this.id, code, correlation, at: clock.now() });
    this.send({ type: 'error', code, message, hint, details, ...about, correlation });
  }

  /** Logs a failure that is not the client's and returns the error that the client may see. */
  fault(component: string, error: unknown): MusterError {
    const { clock, events, random } = this.#around;
    const correlation = random.uuid();
    events.emit({ type: 'fault', component, correlation, connection: this.id, error, at: clock.now() });
    return serverError('INTERNAL', { correlation });
  }

  /** Called once a heartbeat interval. */
  beat(): void {
    if (this.#deadline !== undefined || this.isOver) return;
    const now = this.#around.clock.monotonic();
    if (this.#unanswered >= 2) {
      this.close('heartbeatLost');
      this.terminate();
    } else if (this.#isStuck(now)) {
      this.close('noProgress');
    } else if (now >= this.#drainAt) {
      this.#makeRoom();
    } else {
      this.#unanswered += 1;
      this.#tellPositions();
    }
  }

  #isStuck(now: number): boolean {
    this.#owes = this.#serving.owesAck;
    return this.#owes && now - this.#progressAt >= this.#around.limits.progressMs;
  }

  received(data: Buffer, isBinary: boolean): void {
    this.#unanswered = 0;
    if (this.isOver) return;
    const refusal = this.#refusal(data, isBinary);
    if (refusal !== undefined) {
      this.#offended(refusal, refusal.code === 'RATE_LIMITED' ? requestIn(data) : undefined);
      if (this.state === 'accepted') this.close('malformedHello');
      return;
    }
    try {
      const text = data.toString('utf8');
      const frames = this.#codec === undefined ? [parseClientFrame(text)] : this.#codec.decode(text);
      for (const frame of frames) this.#take(frame, data.byteLength);
    } catch (error) {
      const { request } = (error as MusterError).details as { request: string | null };
      this.#offended(error as MusterError, request ?? undefined);
      if (this.state === 'accepted') this.close('malformedHello');
    }
  }

  heard(): void {
    this.#unanswered = 0;
  }

  closed(): void {
    if (this.state === 'closed') return;
    this.#machine.send('lost');
    this.#deadline?.cancel();
    this.#positions?.cancel();
    this.#serving.close();
    this.#gone?.abort(new Error('the connection has gone'));
    this.#around.pulse.remove(this, this.#pulsePart);
    const endings = this.#endings ?? [];
    this.#endings = undefined;
    for (const ending of endings) ending();
    this.#owner.gone(this);
  }

  /** Why a frame is not even read. */
  #refusal(data: Buffer, isBinary: boolean): MusterError | undefined {
    const { limits, clock } = this.#around;
    const bytes = data.byteLength;
    const now = clock.monotonic();
    const hasRoom = this.#bytes.take(bytes, now);
    if (!this.#frames.take(1, now)) return tooMany('frames', limits.framesPerSecond, this.#frames.waitMs(1));
    if (!hasRoom) return tooMany('bytes', limits.bytesPerSecond, this.#bytes.waitMs(bytes));
    if (isBinary) return serverError('BINARY_FRAME', {});
    if (bytes > limits.messageBytes) return serverError('MESSAGE_TOO_LARGE', { bytes, limit: limits.messageBytes });
    return undefined;
  }

  /** One error for one offence; who goes on and on is sent away. */
  #offended(error: MusterError, request: string | undefined): void {
    const now = this.#around.clock.monotonic();
    if (now - this.#offencesSince >= OFFENCE_MS) {
      this.#offences = 0;
      this.#offencesSince = now;
    }
    this.#offences += 1;
    this.sendError(error, request);
    if (this.#offences > this.#around.limits.offences) this.close('rateLimited', BURST_SECONDS * 1_000);
  }

  #take(frame: ClientFrame, bytes: number): void {
    if (this.state === 'accepted') this.#first(frame);
    else if (this.#early !== undefined) this.#tooEarly(frame, bytes);
    else this.#next(frame);
  }

  #first(frame: ClientFrame): void {
    if (frame.type === 'hello') return this.#greet(frame);
    this.sendError(serverError('HELLO_EXPECTED', { got: frame.type }));
    this.close('malformedHello');
  }

  #greet(frame: HelloFrame): void {
    this.#machine.send('hello');
    this.#early = { frames: [], bytes: 0 };
    this.#owner.hello(this, frame);
  }

  #tooEarly(frame: ClientFrame, bytes: number): void {
    const early = this.#early as { frames: ClientFrame[]; bytes: number };
    const { mailbox, mailboxBytes } = this.#around.limits;
    if (frame.type === 'ping' || frame.type === 'pong' || frame.type === 'hello') return this.#next(frame);
    // From here on the kernel is the buffer until `welcome`; what the parser has read already is kept here.
    this.#wire.pause();
    if (early.frames.length < mailbox && early.bytes + bytes <= mailboxBytes) {
      early.frames.push(frame);
      early.bytes += bytes;
      return;
    }
    const error = serverError('MAILBOX_FULL', { waiting: early.frames.length });
    if (frame.type === 'request') this.send(refused(frame.id, error));
    else this.sendError(error);
  }

  #next(frame: ClientFrame): void {
    if (frame.type === 'hello') {
      this.sendError(serverError('HELLO_TWICE', {}));
      this.close('secondHello');
      return;
    }
    if (frame.type === 'ping') return this.send({ type: 'pong' });
    if (frame.type === 'pong') return;
    try {
      this.#serving.take(frame);
    } catch (error) {
      this.failedAt(`a frame of type ${frame.type}`, error);
    }
    if (frame.type === 'ack') this.#progressed();
  }

  #progressed(): void {
    this.#progressAt = this.#around.clock.monotonic();
    this.#owes = this.#serving.owesAck;
  }

  /** While events go on each shows whether the one before has come, and an ack shows it as well. */
  #burstOver(): void {
    const { clock } = this.#around;
    const leftMs = this.#sentAt + POSITIONS_MS - clock.monotonic();
    this.#positions = leftMs > 0 ? clock.schedule(leftMs, () => this.#burstOver()) : undefined;
    if (leftMs <= 0 && this.#serving.owesAck) this.#tellPositions();
  }

  #tellPositions(): void {
    this.#positions?.cancel();
    this.#positions = undefined;
    if (this.isOver) return;
    if (this.isLegacy) this.#wire.ping();
    else this.send({ type: 'ping', positions: this.#serving.positions });
  }

  /** It is old: the platform would cut it soon, and a client that is told comes back without missing anything. */
  #makeRoom(): void {
    const { clock, random } = this.#around;
    this.#drainAt = Number.POSITIVE_INFINITY;
    if (!this.drain(AGE_DRAIN_MS, random.next() * AGE_DRAIN_MS * 0.5)) return;
    const timer = clock.schedule(AGE_DRAIN_MS, () => this.close('draining'));
    this.onGone(() => timer.cancel());
  }
}

function tooMany(what: string, limit: number, retryAfterMs: number): MusterError {
  return serverError('RATE_LIMITED', { what, limit, retryAfterMs });
}

/** The id of a request that is refused unread, so that its sender knows what became of it. */
function requestIn(data: Buffer): string | undefined {
  try {
    const frame = parseClientFrame(data.toString('utf8'));
    return frame.type === 'request' ? frame.id : undefined;
  } catch {
    // It would have been refused anyway.
    return undefined;
  }
}
