/**
 * One WebSocket from 101 to close: the CONNECTION table, the frames in and out, and what must happen exactly once.
 *
 * The handshake moves it to `ready`; until then requests wait in the mailbox and nothing is handled.
 */
import {
  CLOSE,
  type ClientFrame,
  type CloseName,
  CONNECTION,
  type ConnectionState,
  isResumable,
  MusterError,
  messageOf,
  parseClientFrame,
  type RequestFrame,
  retryAfter,
  type ServerFrame,
  StateMachine,
  type Timer,
  type WireError,
} from '@muster/contracts';
import type { Clock, Random, RuntimeEvents } from '@muster/core';
import type { RawData, WebSocket } from 'ws';
import { serverError } from './errors.ts';
import type { Limits } from './limits.ts';
import { Mailbox } from './mailbox.ts';
import type { FrameSink } from './stream-feed.ts';
import type { Handler } from './web-socket-factory.ts';

/** What all connections of a server share. */
export interface ConnectionSurroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
  readonly limits: Limits;
}

/** Told of the first frame, and of the end. */
export interface ConnectionOwner {
  hello(connection: Connection, frame: Extract<ClientFrame, { type: 'hello' }>): void;
  gone(connection: Connection): void;
}

export class Connection implements FrameSink {
  readonly id: string;
  readonly #socket: WebSocket;
  readonly #around: ConnectionSurroundings;
  readonly #owner: ConnectionOwner;
  readonly #machine: StateMachine<typeof CONNECTION>;
  readonly #mailbox: Mailbox<RequestFrame>;
  readonly #gone = new AbortController();
  readonly #roomWaiters: (() => void)[] = [];
  #handler: Handler | undefined;
  #earlyBytes = 0;
  #unanswered = 0;
  #answering = false;
  readonly #afterAnswer: (() => void)[] = [];
  #heartbeat: Timer | undefined;
  readonly #handshake: Timer;

  constructor(id: string, socket: WebSocket, around: ConnectionSurroundings, owner: ConnectionOwner) {
    this.id = id;
    this.#socket = socket;
    this.#around = around;
    this.#owner = owner;
    this.#machine = new StateMachine(`connection ${id}`, CONNECTION, 'connecting', ({ from, event, to }) =>
      around.events.emit({
        type: 'moved',
        machine: 'connection',
        subject: id,
        from,
        event,
        to,
        at: around.clock.now(),
      }),
    );
    this.#mailbox = new Mailbox(around.limits.mailbox, (request) => this.#answer(request));
    // Attached in the tick of the 101: a listener that comes later loses what the parser has read already.
    socket.on('message', (data, isBinary) => this.#received(data, isBinary));
    socket.on('close', () => this.#closed());
    // ws closes after an error by itself; a broken peer is expected and no fault of ours.
    socket.on('error', () => {});
    this.#machine.send('upgraded');
    this.#handshake = around.clock.schedule(around.limits.handshakeMs, () => this.close('handshakeTimeout'));
  }

  get state(): ConnectionState {
    return this.#machine.state;
  }

  /** Aborted when the connection has gone. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  get isRoomy(): boolean {
    return this.#socket.bufferedAmount < this.#around.limits.sendBufferBytes;
  }

  /** Moves along the table; false when the connection is closing or gone and has no use for it. */
  move(event: 'authenticated' | 'permitted' | 'live' | 'degrade' | 'recover' | 'drain'): boolean {
    if (!this.#machine.can(event)) return false;
    this.#machine.send(event);
    return true;
  }

  /** Stops reading: the kernel keeps what the client sends until `resume()`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** From `welcome` on the heartbeat counts and the handshake's deadline no longer does. */
  welcomed(): void {
    this.#handshake.cancel();
    this.#beat();
  }

  /** Resolves when no request is being handled and none waits. */
  idle(): Promise<void> {
    return this.#mailbox.idle();
  }

  /** Serves the client from now on: `onReady` first, then what waited in the mailbox, in order. */
  serve(handler: Handler): void {
    this.#handler = handler;
    this.#guard('onReady', () => handler.onReady?.());
    this.#mailbox.open();
  }

  send(frame: ServerFrame): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#socket.send(JSON.stringify(frame), () => this.#drained());
  }

  roomy(): Promise<void> {
    if (this.isRoomy || this.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => this.#roomWaiters.push(resolve));
  }

  /** Calls `then` when the request that is being answered has its response; at once when there is none. */
  afterAnswer(then: () => void): void {
    if (this.#answering) this.#afterAnswer.push(then);
    else then();
  }

  /** Says `bye` and closes; harmless when that has happened. */
  close(name: CloseName, retryAfterMs?: number): void {
    if (!this.#machine.can('close')) return;
    const code = CLOSE[name];
    const after = retryAfterMs === undefined ? {} : { retryAfterMs };
    this.send({ type: 'bye', code, name, retry: retryAfter(code), resumable: isResumable(code), ...after });
    this.#machine.send('close');
    this.#mailbox.close();
    // A paused socket would never read the peer's answer to the close.
    this.#socket.resume();
    this.#socket.close(code, name);
  }

  /** Cuts the connection without a word; for peers that do not answer. */
  terminate(): void {
    this.#socket.terminate();
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
    const correlation = this.#around.random.uuid();
    this.#around.events.emit({ type: 'fault', component, correlation, error, at: this.#around.clock.now() });
    return serverError('INTERNAL', { correlation });
  }

  #received(data: RawData, isBinary: boolean): void {
    this.#unanswered = 0;
    if (this.state === 'closing' || this.state === 'closed') return;
    if (isBinary) {
      this.sendError(serverError('BINARY_FRAME', {}));
      return;
    }
    const bytes = (data as Buffer).byteLength;
    const { messageBytes } = this.#around.limits;
    if (bytes > messageBytes) {
      this.sendError(serverError('MESSAGE_TOO_LARGE', { bytes, limit: messageBytes }));
      return;
    }
    let frame: ClientFrame;
    try {
      frame = parseClientFrame((data as Buffer).toString('utf8'));
    } catch (error) {
      const { request } = (error as MusterError).details as { request: string | null };
      this.sendError(error as MusterError, request ?? undefined);
      if (this.state === 'accepted') this.close('malformedHello');
      return;
    }
    if (this.state === 'accepted') this.#first(frame);
    else this.#next(frame, bytes);
  }

  #first(frame: ClientFrame): void {
    if (frame.type !== 'hello') {
      this.sendError(serverError('HELLO_EXPECTED', { got: frame.type }));
      this.close('malformedHello');
      return;
    }
    this.#machine.send('hello');
    this.#owner.hello(this, frame);
  }

  #next(frame: ClientFrame, bytes: number): void {
    switch (frame.type) {
      case 'hello':
        this.sendError(serverError('HELLO_TWICE', {}));
        this.close('secondHello');
        return;
      case 'ping':
        this.send({ type: 'pong' });
        return;
      case 'pong':
        return;
      case 'cancel':
        // Beside the mailbox: a cancel must not wait behind the requests that it is about.
        void this.#call('cancel', { run: frame.run, reason: frame.reason }).then((error) => {
          if (error) this.sendError(error);
        });
        return;
      case 'request':
        this.#post(frame, bytes);
    }
  }

  #post(request: RequestFrame, bytes: number): void {
    if (this.#handler === undefined) this.#earlyBytes += bytes;
    const tooEarlyTooMuch = this.#handler === undefined && this.#earlyBytes > this.#around.limits.mailboxBytes;
    if (tooEarlyTooMuch || !this.#mailbox.put(request)) {
      this.#refuse(request, serverError('MAILBOX_FULL', { waiting: this.#mailbox.size }));
    }
  }

  #refuse(request: RequestFrame, error: MusterError): void {
    this.send({ type: 'response', id: request.id, ok: false, error: wireError(error) });
  }

  async #answer(request: RequestFrame): Promise<void> {
    if (this.state !== 'ready') {
      this.#refuse(request, serverError('NOT_SERVING', { state: this.state }));
      return;
    }
    let data: unknown;
    this.#answering = true;
    const error = await this.#call(request.method, request.data, (result) => {
      data = result;
    });
    try {
      if (error) this.#refuse(request, error);
      else this.send({ type: 'response', id: request.id, ok: true, data: data ?? null });
    } catch (unserialisable) {
      // A circle or a bigint in the result: a bug of the handler, and still exactly one answer.
      this.#refuse(request, this.fault(`the result of method ${request.method}`, unserialisable));
    }
    this.#answering = false;
    for (const then of this.#afterAnswer.splice(0)) then();
  }

  /** Calls one method of the handler; resolves to the error that the client may see, and never rejects. */
  async #call(
    method: string,
    data: unknown,
    done: (result: unknown) => void = () => {},
  ): Promise<MusterError | undefined> {
    if (this.#handler === undefined) return serverError('NOT_SERVING', { state: this.state });
    const { methods } = this.#handler;
    // Own properties only: a client must not reach what objects inherit.
    const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (found === undefined) return serverError('METHOD_UNKNOWN', { method, known: Object.keys(methods) });
    try {
      done(await found(data));
      return undefined;
    } catch (error) {
      return error instanceof MusterError ? error : this.fault(`method ${method}`, error);
    }
  }

  #beat(): void {
    this.#heartbeat = this.#around.clock.schedule(this.#around.limits.heartbeatMs, () => {
      if (this.#unanswered >= 2) {
        this.close('heartbeatLost');
        this.terminate();
        return;
      }
      this.#unanswered += 1;
      this.send({ type: 'ping', positions: {} });
      this.#beat();
    });
  }

  #drained(): void {
    if (!this.isRoomy && !this.signal.aborted) return;
    for (const resolve of this.#roomWaiters.splice(0)) resolve();
  }

  #closed(): void {
    if (this.state === 'closed') return;
    this.#machine.send('lost');
    this.#handshake.cancel();
    this.#heartbeat?.cancel();
    this.#mailbox.close();
    this.#gone.abort(new Error('the connection has gone'));
    this.#drained();
    // No handler before `serve`, so onGone has an onReady before it.
    this.#guard('onGone', () => this.#handler?.onGone?.());
    this.#owner.gone(this);
  }

  /** A handler that throws or rejects where nobody waits for it is logged and hurts nothing else. */
  #guard(component: string, call: () => unknown): void {
    const called = async (): Promise<unknown> => call();
    called().catch((error: unknown) => this.fault(component, error));
  }
}

/** An error as it stands in a response: what Muster foresaw is told as it is. */
function wireError(error: MusterError): WireError {
  return { code: error.code, message: messageOf(error), retryable: !error.fatal, details: error.details };
}
