/**
 * What a scenario for a client is given: the client's process, a server for it on the loopback, and what both have said.
 *
 * The process is killed at the end, whatever it does by then.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { SUBPROTOCOL } from '@muster/contracts';
import { systemClock, systemRandom } from '@muster/core';
import { WebSocketServer } from 'ws';
import { inspectError } from '../errors.ts';
import { Deviation } from './deviation.ts';
import { ScriptedLink, type Stream } from './scripted-link.ts';
import { Watch } from './watch.ts';

/** How long a client may take from the start of its process to its first connection, in milliseconds. */
const START_MS = 20_000;
/** What is kept of what it complains about, in characters. */
const COMPLAINT = 2_000;

/** One line of the client's output. */
interface Line {
  /** An event was handed to the application. */
  readonly id?: string;
  /** The answer to the request. */
  readonly answer?: unknown;
  /** It is closed for good. */
  readonly closed?: unknown;
}

export interface ClientOptions {
  readonly command: readonly string[];
  /** How long to wait for what must come, in milliseconds. @default 5_000 */
  readonly deadlineMs?: number | undefined;
}

/** What else the client is told. */
export interface Orders {
  /** Holds every event until it is released. */
  readonly hold?: boolean;
  /** Sends one request with this method. */
  readonly method?: string;
}

export class ClientUnderTest {
  readonly token = `token-${systemRandom.uuid()}`;
  readonly session = systemRandom.uuid();
  readonly stream: Stream;
  /** Its connections, in the order of their opening. */
  readonly links: ScriptedLink[] = [];
  readonly lines: Line[] = [];
  readonly #options: ClientOptions;
  readonly #deadlineMs: number;
  readonly #watch = new Watch(systemClock);
  readonly #http: Server = createServer();
  #child: ChildProcess | undefined;
  #complaint = '';
  #failure: Error | undefined;

  private constructor(options: ClientOptions) {
    this.#options = options;
    this.#deadlineMs = options.deadlineMs ?? 5_000;
    this.stream = { thread: `thread-${systemRandom.uuid()}`, epoch: systemRandom.uuid(), offset: 0 };
  }

  /** Calls `use` with a client of its own, and ends it afterwards. */
  static async visit(options: ClientOptions, use: (client: ClientUnderTest) => Promise<void>): Promise<void> {
    const client = new ClientUnderTest(options);
    try {
      await client.#listen();
      await use(client);
    } finally {
      await client.#end();
    }
  }

  /** Starts the process and resolves to its first connection. @throws Deviation; MusterError `CLIENT_NOT_STARTED` */
  async start({ hold = false, method }: Orders = {}): Promise<ScriptedLink> {
    const [program, ...args] = this.#options.command as [string, ...string[]];
    const { port } = this.#http.address() as AddressInfo;
    const env = {
      ...process.env,
      MUSTER_URL: `ws://127.0.0.1:${port}/ws`,
      MUSTER_TOKEN: this.token,
      MUSTER_THREAD: this.stream.thread,
      ...(hold ? { MUSTER_HOLD: '1' } : {}),
      ...(method === undefined ? {} : { MUSTER_METHOD: method }),
    };
    const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    child.on('error', (error) =>
      this.#fail(inspectError('CLIENT_NOT_STARTED', { command: program, reason: error.message }, error)),
    );
    child.on('close', (code, signal) =>
      this.#fail(this.deviation('a client that goes on', `exit ${code ?? signal}: ${this.#complaint}`)),
    );
    child.stdin.on('error', () => {});
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = `${this.#complaint}${text}`.slice(-COMPLAINT);
    });
    createInterface(child.stdout).on('line', (text) => this.#said(text));
    return this.link(0, START_MS);
  }

  /** The nth connection, from 0 on. @throws Deviation */
  link(n: number, deadlineMs = this.#deadlineMs): Promise<ScriptedLink> {
    return this.until(n === 0 ? 'a connection' : `connection ${n + 1}`, () => this.links[n], deadlineMs);
  }

  /** The nth connection; nothing when it does not come in time. @throws Deviation when the client has ended. */
  async linkWithin(n: number, ms: number): Promise<ScriptedLink | undefined> {
    let isOver = false;
    const timer = systemClock.schedule(Math.max(ms, 0), () => {
      isOver = true;
      this.#watch.wake();
    });
    const look = (): { link: ScriptedLink | undefined } | undefined => {
      const link = this.links[n];
      return link !== undefined || isOver ? { link } : undefined;
    };
    const { link } = await this.until(`connection ${n + 1}`, look, ms + this.#deadlineMs);
    timer.cancel();
    return link;
  }

  /** Starts it, welcomes it, and ends the replay of an empty stream. @throws Deviation */
  async welcomed(orders: Orders = {}): Promise<ScriptedLink> {
    const link = await this.start(orders);
    await link.welcome(this.stream, { session: this.session });
    link.live(this.stream);
    return link;
  }

  /** Resolves to what `look` finds in links and lines. @throws Deviation */
  until<T>(expected: string, look: () => T | undefined, deadlineMs = this.#deadlineMs): Promise<T> {
    const again = (): T | undefined => {
      const found = look();
      if (found === undefined && this.#failure !== undefined) throw this.#failure;
      return found;
    };
    return this.#watch.until(again, deadlineMs, () =>
      this.deviation(expected, `nothing of the kind in ${deadlineMs} ms`),
    );
  }

  /** The ids of what has been handed to the application. */
  get handed(): string[] {
    return this.lines.flatMap(({ id }) => (id === undefined ? [] : [id]));
  }

  /** These events and no others are handed to the application, in this order. @throws Deviation */
  async hands(ids: readonly string[]): Promise<void> {
    const expected = `lines for ${ids.join(', ')}`;
    await this.until(expected, () => {
      const { handed } = this;
      const wrong = handed.find((id, index) => id !== ids[index]);
      if (wrong !== undefined)
        throw this.deviation(expected, `one for ${wrong} as number ${handed.indexOf(wrong) + 1}`);
      return handed.length === ids.length ? true : undefined;
    });
  }

  /** Lets the event that it holds go. */
  release(): void {
    this.#child?.stdin?.write('\n');
  }

  /** With the last frames of all connections. */
  deviation(expected: string, got: string): Deviation {
    const frames = this.links.flatMap(({ transcript }, index) => transcript.map((line) => `${index + 1}: ${line}`));
    return new Deviation(expected, got, frames);
  }

  /** @throws Deviation unless `isSo`. */
  assert(isSo: boolean, expected: string, got: string): void {
    if (!isSo) throw this.deviation(expected, got);
  }

  /** Milliseconds on a scale of their own. */
  now(): number {
    return systemClock.monotonic();
  }

  async #listen(): Promise<void> {
    const handleProtocols = (offered: ReadonlySet<string>): string | false =>
      offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false;
    const sockets = new WebSocketServer({ noServer: true, handleProtocols, perMessageDeflate: false });
    this.#http.on('upgrade', (request, socket, head) => {
      const { authorization, 'sec-websocket-protocol': offered = '' } = request.headers;
      const protocols = offered.split(',').map((each) => each.trim());
      sockets.handleUpgrade(request, socket, head, (webSocket) => {
        const upgrade = { url: request.url ?? '', protocols, authorization };
        this.links.push(new ScriptedLink(webSocket, upgrade, systemClock, this.#deadlineMs));
        this.#watch.wake();
      });
    });
    this.#http.listen(0, '127.0.0.1');
    await once(this.#http, 'listening');
  }

  #said(text: string): void {
    try {
      this.lines.push(JSON.parse(text) as Line);
    } catch {
      this.#fail(this.deviation('lines of JSON on stdout', text));
    }
    this.#watch.wake();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#watch.wake();
  }

  async #end(): Promise<void> {
    for (const { socket } of this.links) socket.terminate();
    this.#http.close();
    this.#http.closeAllConnections();
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }
}
