/**
 * `connect()`: one authenticated connection to a Muster server, from a browser or from Node.
 */
import {
  type AgentEvent,
  CLOSE,
  type ClientFrameInput,
  type EventsFrame,
  type MusterError,
  type ResponseFrame,
  retryAfter,
  type RunAccepted,
  type RunRequestInput,
  type ServerFrame,
  StateMachine,
  SUBPROTOCOL,
  type WelcomeFrame,
  type WireError,
} from '@muster/contracts';
import { CLIENT, type ClientState } from './client-state.ts';
import { clientError } from './errors.ts';
import { randomUuid } from './random.ts';
import { LiveRun, type Run } from './run.ts';

/** The part of a WebSocket that the client uses; browsers', Node's and `ws` all have it. */
export interface WebSocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
}

export interface ConnectOptions {
  /** `ws://` or `wss://`, with the path of the server's factory. */
  readonly url: string;
  /** The bearer token, or what fetches one; sent in the first frame, never in the URL. */
  readonly token: string | (() => string | Promise<string>);
  /** @default the runtime's own */
  readonly WebSocket?: new (url: string, protocols: string) => WebSocketLike;
  /** Who the client is, for the server's logs. @default 'muster-client' */
  readonly name?: string;
  /** Streams to receive from their beginning, by thread. @default [] */
  readonly subscribe?: readonly string[];
  /** Makes ids of requests. @default random ones */
  readonly uuid?: () => string;
}

/** Version in `hello`. */
const VERSION = '0.1.0';

/**
 * Connects, authenticates, and resolves when the server is ready for requests.
 *
 * @throws MusterError `CONNECTION_CLOSED` when the server closed instead; `NO_WEB_SOCKET` where none is to be had.
 */
export async function connect(options: ConnectOptions): Promise<Client> {
  const WebSocket = options.WebSocket ?? (globalThis as { WebSocket?: ConnectOptions['WebSocket'] }).WebSocket;
  if (WebSocket === undefined) throw clientError('NO_WEB_SOCKET', {});
  const token = typeof options.token === 'string' ? options.token : await options.token();
  const client = new Client(new WebSocket(options.url, SUBPROTOCOL), token, options);
  await client.welcome;
  return client;
}

export class Client {
  /** Resolves when the server is ready for requests. */
  readonly welcome: Promise<WelcomeFrame>;
  readonly #socket: WebSocketLike;
  readonly #machine = new StateMachine('client', CLIENT, 'connecting');
  readonly #uuid: () => string;
  readonly #requests = new Map<string, { resolve: (data: any) => void; reject: (error: unknown) => void }>();
  readonly #runs = new Map<string, LiveRun>();
  readonly #eventListeners = new Set<(event: AgentEvent, thread: string) => void>();
  readonly #frameListeners = new Set<(frame: ServerFrame) => void>();
  readonly #closed: Promise<{ code: number; reason: string }>;
  #welcomed!: { resolve: (frame: WelcomeFrame) => void; reject: (error: unknown) => void };

  constructor(socket: WebSocketLike, token: string, options: ConnectOptions) {
    this.#socket = socket;
    this.#uuid = options.uuid ?? randomUuid;
    this.welcome = new Promise((resolve, reject) => {
      this.#welcomed = { resolve, reject };
    });
    this.welcome.catch(() => {});
    socket.onopen = () => {
      this.#machine.send('opened');
      const { name = 'muster-client', subscribe = [] } = options;
      this.#send({
        type: 'hello',
        client: { id: this.#uuid(), name, version: VERSION },
        auth: { scheme: 'bearer', token },
        cursors: {},
        subscribe: [...subscribe],
      });
    };
    socket.onmessage = ({ data }: { data: unknown }) => this.#received(JSON.parse(String(data)) as ServerFrame);
    // A failed connection is told by the close that follows.
    socket.onerror = () => {};
    this.#closed = new Promise((resolve) => {
      socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
        this.#machine.send('closed');
        this.#end(code, reason);
        resolve({ code, reason });
      };
    });
  }

  get state(): ClientState {
    return this.#machine.state;
  }

  /** Resolves when the connection has closed, with the code that says why. */
  get closed(): Promise<{ code: number; reason: string }> {
    return this.#closed;
  }

  /** Sends a request; resolves to the data of its response. @throws MusterError `REQUEST_REFUSED` or `CONNECTION_CLOSED`. */
  request<T = unknown>(method: string, data: unknown): Promise<T> {
    return this.#request<T>(method, data, () => {});
  }

  /** Asks an agent. */
  run(request: string | RunRequestInput): Run {
    const data = typeof request === 'string' ? { text: request } : request;
    // The response comes before the run's first event, so the run is known when that is read.
    const accepted = this.#request<RunAccepted>('run', data, ({ run: id }) => this.#runs.set(id, run));
    const run = new LiveRun(accepted, (id, reason) =>
      this.#send({ type: 'cancel', run: id, ...(reason === undefined ? {} : { reason }) }),
    );
    return run;
  }

  /** Calls `listener` for every event of every thread that this connection receives. */
  onEvent(listener: (event: AgentEvent, thread: string) => void): () => void {
    this.#eventListeners.add(listener);
    return () => this.#eventListeners.delete(listener);
  }

  /** Calls `listener` for every frame, for those who show or log what happens. */
  onFrame(listener: (frame: ServerFrame) => void): () => void {
    this.#frameListeners.add(listener);
    return () => this.#frameListeners.delete(listener);
  }

  /** Closes the connection; runs go on without it. */
  async close(): Promise<void> {
    this.#socket.close(1000, 'done');
    await this.#closed;
  }

  /** @param accepted called in the tick in which the response is read. */
  #request<T>(method: string, data: unknown, accepted: (data: T) => void): Promise<T> {
    if (this.state === 'leaving') return Promise.reject(closedError(CLOSE.draining, 'draining'));
    if (this.state !== 'ready') return Promise.reject(closedError(CLOSE.done, `the client is ${this.state}`));
    const id = this.#uuid();
    return new Promise<T>((resolve, reject) => {
      const answered = (result: T): void => {
        accepted(result);
        resolve(result);
      };
      this.#requests.set(id, { resolve: answered, reject });
      this.#send({ type: 'request', id, method, data });
    });
  }

  #send(frame: ClientFrameInput): void {
    this.#socket.send(JSON.stringify(frame));
  }

  #received(frame: ServerFrame): void {
    for (const listener of this.#frameListeners) listener(frame);
    switch (frame.type) {
      case 'welcome':
        this.#machine.send('welcomed');
        this.#welcomed.resolve(frame);
        return;
      case 'response':
        this.#answered(frame);
        return;
      case 'events':
        this.#happened(frame);
        return;
      case 'error':
        if (frame.request !== undefined) this.#refused(frame.request, { retryable: false, ...frame });
        return;
      case 'ping':
        this.#send({ type: 'pong' });
        return;
      case 'drain':
        if (this.#machine.can('drained')) this.#machine.send('drained');
        return;
      default:
    }
  }

  #answered(frame: ResponseFrame): void {
    if (!frame.ok) {
      this.#refused(frame.id, frame.error);
      return;
    }
    const request = this.#requests.get(frame.id);
    this.#requests.delete(frame.id);
    request?.resolve(frame.data);
  }

  #refused(id: string, error: WireError): void {
    const { code, message, retryable, details } = error;
    const request = this.#requests.get(id);
    this.#requests.delete(id);
    request?.reject(clientError('REQUEST_REFUSED', { code, message, retryable, details }));
  }

  #happened(frame: EventsFrame): void {
    for (const event of frame.events) {
      for (const listener of this.#eventListeners) listener(event, frame.stream);
      this.#runs.get(event.run)?.take(event);
      if (event.event === 'agent_completed') this.#runs.delete(event.run);
    }
  }

  #end(code: number, reason: string): void {
    const error = closedError(code, reason);
    this.#welcomed.reject(error);
    for (const { reject } of this.#requests.values()) reject(error);
    for (const run of this.#runs.values()) run.fail(error);
    this.#requests.clear();
    this.#runs.clear();
  }
}

function closedError(code: number, reason: string): MusterError {
  return clientError('CONNECTION_CLOSED', { code, reason, retry: retryAfter(code) });
}
