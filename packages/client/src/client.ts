/**
 * `connect()`: one client of a Muster server, from a browser or from Node, over as many connections as its life needs.
 *
 * Every event of every followed stream reaches every handler in order, at least once, and once when keyed by its id.
 */
import {
  type AgentEvent,
  CLOSE,
  type MusterError,
  type Position,
  type RunAccepted,
  type RunRequestInput,
  type ServerFrame,
  type WelcomeFrame,
} from '@muster/contracts';
import type { Closed, ClientState, ClientStatus } from './client-state.ts';
import { Connector } from './connector.ts';
import { CursorKeeper } from './cursors.ts';
import { clientError } from './errors.ts';
import { EventFeed } from './event-feed.ts';
import { Listeners } from './listeners.ts';
import { type ConnectOptions, type EventHandler, type Settings, settingsOf } from './options.ts';
import { type RequestOptions, Requests } from './requests.ts';
import { LiveRun, type Run } from './run.ts';
import type { StreamReset } from './stream.ts';
import { Streams } from './streams.ts';

/** Version in `hello`. */
const VERSION = '0.1.0';

/**
 * Connects, authenticates, and resolves when the server is ready for requests.
 *
 * @throws MusterError `CONNECTION_CLOSED` when the server does not want this client; `CONNECT_TIMEOUT` after `connectMs`;
 *   `TOKEN_FAILED`, `NO_WEB_SOCKET`, `CLIENT_OPTION_INVALID`.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const client = new Client(options);
  await client.open();
  return client;
}

export class Client {
  /** Resolves with the first `welcome`; rejects when the client closed before it. */
  readonly welcome: Promise<WelcomeFrame>;
  /** Resolves when the client is closed for good, with the last close code and the error that everything failed with. */
  readonly closed: Promise<Closed & { readonly error: MusterError }>;
  readonly #settings: Settings;
  readonly #id: string;
  readonly #connector: Connector;
  readonly #streams: Streams;
  readonly #requests: Requests;
  readonly #keeper: CursorKeeper;
  readonly #handlers = new Set<EventHandler>();
  readonly #onError = new Listeners<MusterError>(() => {});
  readonly #onFrame = new Listeners<ServerFrame>((error) => this.#onError.tell(error));
  readonly #onState = new Listeners<ClientStatus>((error) => this.#onError.tell(error));
  readonly #onReset = new Listeners<StreamReset>((error) => this.#onError.tell(error));
  readonly #runs = new Set<LiveRun>();
  readonly #onAbort = (): void => void this.close();
  #session: string | null = null;
  /** What everything fails with once the client is closed. */
  #error: MusterError | undefined;
  #welcoming!: { resolve: (frame: WelcomeFrame) => void; reject: (error: MusterError) => void };
  #closing!: (closed: Closed & { error: MusterError }) => void;

  /** Does nothing before `open()`. @throws MusterError `NO_WEB_SOCKET`, `CLIENT_OPTION_INVALID` */
  constructor(options: ConnectOptions) {
    this.#settings = settingsOf(options);
    this.#id = this.#settings.random.uuid();
    this.welcome = new Promise((welcomed, refused) => {
      this.#welcoming = { resolve: welcomed, reject: refused };
    });
    this.closed = new Promise((resolve) => {
      this.#closing = resolve;
    });
    this.welcome.catch(() => {});
    if (options.onEvent) this.#handlers.add(options.onEvent);
    const failed = (error: MusterError): void => this.#onError.tell(error);
    this.#keeper = new CursorKeeper(
      options.cursors,
      () => ({ session: this.#session, streams: this.#streams.positions }),
      failed,
    );
    this.#connector = this.#makeConnector(failed);
    this.#requests = new Requests(this.#settings, {
      send: (text) => this.state === 'ready' && this.#connector.send(text),
    });
    this.#streams = new Streams({
      clock: this.#settings.clock,
      handlers: this.#handlers,
      failed,
      send: (frame) => this.#connector.send(frame),
      moved: () => this.#keeper.save(),
      reset: (reset) => this.#onReset.tell(reset),
    });
  }

  get state(): ClientState {
    return this.status.state;
  }

  /** The state, and what is awaited in it. */
  get status(): ClientStatus {
    return this.#connector.status;
  }

  /** Begins to connect; resolves when ready for requests. To be called once. @throws as `connect()` */
  async open(): Promise<WelcomeFrame> {
    const { signal, subscribe } = this.#settings;
    signal?.throwIfAborted();
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    const { session, streams } = await this.#keeper.load();
    if (this.state === 'idle') {
      this.#session = session;
      for (const [name, position] of Object.entries(streams)) this.#streams.follow(name, false, position);
      for (const name of subscribe) this.#streams.follow(name, true);
      this.#connector.open();
    }
    return this.welcome;
  }

  /**
   * Sends a request, as soon as the client is ready; resolves to the data of its response.
   *
   * @throws MusterError `REQUEST_REFUSED`, `REQUEST_TIMEOUT`, `REQUEST_TOO_LARGE`, `CLIENT_QUEUE_FULL`, `CONNECTION_CLOSED`; the reason of `signal`.
   */
  request<T = unknown>(method: string, data: unknown, options: RequestOptions = {}): Promise<T> {
    if (this.#error) return Promise.reject(this.#error);
    return this.#requests.add<T>(method, data, options);
  }

  /** Asks an agent. The signal of `options` withdraws the request, or cancels the run where it was sent already. */
  run(request: string | RunRequestInput, options: RequestOptions = {}): Run {
    const data = typeof request === 'string' ? { text: request } : request;
    const before = data.thread === undefined ? undefined : this.#streams.get(data.thread)?.processed;
    const earlier = before && { ...before };
    const ask = (run: LiveRun): Promise<RunAccepted> => {
      if (this.#error) return Promise.reject(this.#error);
      return this.#requests.add<RunAccepted>('run', data, { ...options, keepSent: true }, (accepted, repeated) =>
        this.#accepted(run, accepted, repeated, earlier),
      );
    };
    const run = new LiveRun(ask, (id, reason) => {
      this.#connector.send({ type: 'cancel', run: id, ...(reason === undefined ? {} : { reason }) });
    });
    this.#runs.add(run);
    const { signal } = options;
    const onAbort = (): void => run.cancel();
    signal?.addEventListener('abort', onAbort, { once: true });
    const over = (): void => {
      this.#runs.delete(run);
      signal?.removeEventListener('abort', onAbort);
    };
    run.result.then(over, over);
    return run;
  }

  /** Follows a stream: above `cursor`, or from its floor; nothing changes where it is followed already. */
  subscribe(stream: string, { cursor }: { cursor?: Position } = {}): void {
    if (this.#error) return;
    const isNew = this.#streams.get(stream) === undefined;
    const followed = this.#streams.follow(stream, true, cursor);
    if (isNew) followed.subscribe();
  }

  /** Follows a stream no more, and forgets where it stood; whoever iterates over it fails with `EVENTS_LOST`. */
  unsubscribe(stream: string): void {
    this.#streams.unfollow(stream);
    this.#keeper.save();
  }

  /**
   * The events of one stream, which is followed from now on: above `cursor`, else from where the client stands in it,
   * else from its floor. Keeps 1,000 events for whoever does not read, and reads on from the server after that.
   */
  events(stream: string, { cursor }: { cursor?: Position } = {}): AsyncIterable<AgentEvent> {
    const feed = new EventFeed(
      () => true,
      () => false,
    );
    if (this.#error) {
      feed.lost(this.#error);
      return feed;
    }
    this.subscribe(stream, cursor ? { cursor } : {});
    feed.readFrom(this.#streams.follow(stream, true), cursor && { ...cursor });
    return feed;
  }

  /** Calls `handler` for every event of every followed stream from now on. @returns what removes it */
  onEvent(handler: EventHandler): () => void {
    this.#handlers.add(handler);
    return () => this.#handlers.delete(handler);
  }

  /** Calls `listener` for every frame, for those who show or log what happens. @returns what removes it */
  onFrame(listener: (frame: ServerFrame) => void): () => void {
    return this.#onFrame.add(listener);
  }

  /** Calls `listener` whenever the state changes, or what is awaited in it. @returns what removes it */
  onState(listener: (status: ClientStatus) => void): () => void {
    return this.#onState.add(listener);
  }

  /** Calls `listener` when a stream could not be continued: events are lost to this client, and it goes on from elsewhere. @returns what removes it */
  onReset(listener: (reset: StreamReset) => void): () => void {
    return this.#onReset.add(listener);
  }

  /** Calls `listener` for everything that failed without anybody waiting for it, handlers and token provider for instance. @returns what removes it */
  onError(listener: (error: MusterError) => void): () => void {
    return this.#onError.add(listener);
  }

  /** Closes for good; runs go on without the client. Resolves when the connection is closed and the cursors are saved. */
  async close(): Promise<void> {
    this.#streams.flush();
    const closed = { code: CLOSE.done, reason: 'done' };
    await this.#connector.close(clientError('CONNECTION_CLOSED', { ...closed, retry: 'never' }), closed);
    await this.#keeper.settled();
  }

  #makeConnector(failed: (error: MusterError) => void): Connector {
    return new Connector(this.#settings, {
      failed,
      hello: () => ({
        client: { id: this.#id, name: this.#settings.name, version: VERSION },
        ...(this.#session === null ? {} : { session: this.#session }),
        ...this.#streams.hello,
      }),
      welcomed: (frame) => this.#welcomed(frame),
      frame: (frame) => this.#received(frame),
      lost: () => {
        this.#requests.disconnected();
        this.#streams.disconnected();
      },
      sessionLost: (reason) => {
        this.#session = null;
        this.#requests.sessionLost(reason);
      },
      status: (status) => this.#onState.tell(status),
      closed: (error, closed) => this.#ended(error, closed),
    });
  }

  #welcomed(frame: WelcomeFrame): void {
    this.#session = frame.session;
    this.#streams.welcomed(frame);
    for (const run of this.#runs) run.repeatCancel();
    this.#requests.welcomed(frame.limits.messageBytes);
    this.#keeper.save();
    this.#welcoming.resolve(frame);
  }

  #received(frame: ServerFrame): void {
    this.#onFrame.tell(frame);
    if (frame.type === 'response') this.#requests.answered(frame);
    else if (frame.type === 'recovered') this.#requests.serve();
    else if (frame.type !== 'error') this.#streams.received(frame);
    else if (frame.request !== undefined) this.#requests.refused(frame.request, { retryable: false, ...frame });
    else {
      const { code, message, correlation } = frame;
      this.#onError.tell(clientError('SERVER_ERROR', { code, message, correlation }));
    }
  }

  /** The answer to a repeated request can come after events of its run, and on a connection that does not carry its thread. */
  #accepted(run: LiveRun, { run: id, thread }: RunAccepted, repeated: boolean, earlier: Position | undefined): void {
    const isNew = this.#streams.get(thread) === undefined;
    const stream = this.#streams.follow(thread, false);
    run.begin(id, stream, repeated ? stream.since(earlier) : undefined);
    if (repeated && isNew) stream.subscribe();
  }

  #ended(error: MusterError, closed: Closed): void {
    this.#error = error;
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#keeper.save();
    this.#requests.close(error);
    this.#streams.end(error);
    this.#welcoming.reject(error);
    this.#closing({ ...closed, error });
  }
}
