/**
 * A real backend, its data, the network before it, and the clients of its users.
 *
 * Every byte that leaves the backend passes a proxy which looks for the secret that only tools may know.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@muster/client';
import type { AgentEvent, ServerFrame } from '@muster/contracts';
import { WebSocket } from 'ws';
import { RunningProcess } from '../journeys/process.ts';
import type { FaultSchedule } from './fault.ts';
import { broke, judge, judgeRecorded, noBug, type Verdict } from './ledger.ts';
import { FaultyProxy } from './proxy.ts';
import { SecretWatch } from './secrets.ts';
import { inTime, REST_MS, until } from './waiting.ts';

/** One tab of a user, which follows one thread. */
export interface Tab {
  readonly user: string;
  readonly thread: string;
  /** What its handler was given, in order. */
  readonly delivered: AgentEvent[];
  readonly client: Client;
  readonly errors: string[];
}

export interface SiteOptions {
  readonly backend: string;
  readonly verdict: Verdict;
  /** For the backend; a restarted one has only its own. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the network does to each connection of a tab. @default nothing */
  readonly faults?: FaultSchedule;
}

export class Site implements AsyncDisposable {
  server: RunningProcess;
  readonly #options: SiteOptions;
  readonly #directory: string;
  readonly #secrets = new SecretWatch(`s3cret-${randomUUID()}`);
  readonly #tabs: Tab[] = [];
  #port = 0;
  /** What processes have said that are no more. */
  #said = '';
  #proxy!: FaultyProxy;
  /** Harms nobody. */
  #calm!: FaultyProxy;

  private constructor(options: SiteOptions, directory: string) {
    this.#options = options;
    this.#directory = directory;
    this.server = this.start(options.env);
  }

  static async open(options: SiteOptions): Promise<Site> {
    const site = new Site(options, await mkdtemp(join(tmpdir(), 'muster-faults-')));
    await site.#listening();
    const secrets = site.#secrets;
    const port = (): number => site.#port;
    const { faults = () => ({ kind: 'none' }) } = options;
    site.#proxy = await FaultyProxy.listen({ port, faults, watch: (nth, chunk) => secrets.look(nth, chunk) });
    site.#calm = await FaultyProxy.listen({ port, watch: (nth, chunk) => secrets.look(`calm ${nth}`, chunk) });
    return site;
  }

  /** A process on the same data, on a port of its own. */
  start(env: Readonly<Record<string, string>> = {}): RunningProcess {
    const { secret: SECRET } = this.#secrets;
    const own = { DATA: this.#directory, PORT: '0', LOG_FORMAT: 'text', SECRET };
    return new RunningProcess(this.#options.backend, { ...own, ...env });
  }

  /** kill -9, if it still runs, and then another one. */
  async restart(): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    this.#said += this.server.output;
    this.server = this.start();
    await this.#listening();
  }

  /** The connections of tabs. */
  get proxy(): FaultyProxy {
    return this.#proxy;
  }

  /** @param thread @default one of its own */
  async tab(user: string, thread: string = randomUUID()): Promise<Tab> {
    const tab = await this.#connect(user, thread, this.#proxy.port);
    this.#tabs.push(tab);
    return tab;
  }

  /** Everything that the log has of a tab's thread, by a client that no fault reaches. */
  async log({ user, thread }: Pick<Tab, 'user' | 'thread'>): Promise<AgentEvent[]> {
    const { client, delivered } = await this.#connect(user, thread, this.#calm.port);
    try {
      const { top } = (await client.welcome).streams[thread] as { top: number };
      await until(() => delivered.length >= top, REST_MS / 4);
      return delivered;
    } finally {
      await client.close();
    }
  }

  /** Compares what each tab was given with the log, when everything is there that will come. @returns the logs */
  async judge(tabs: readonly Tab[] = this.#tabs): Promise<AgentEvent[][]> {
    const logs = await Promise.all(tabs.map((tab) => this.log(tab)));
    const isThere = (tab: Tab, i: number): boolean => {
      const last = logs[i]?.at(-1);
      return last === undefined || tab.delivered.some(({ id }) => id === last.id);
    };
    // The last events may still be on their way: nobody may be behind for good.
    await until(() => tabs.every(isThere), REST_MS / 4).catch(() => {});
    tabs.forEach((tab, i) => {
      judge(this.#options.verdict, logs[i] as AgentEvent[], tab.delivered, `canary of ${tab.user}.`);
    });
    judgeRecorded(this.#options.verdict, this.#said + this.server.output, logs);
    return logs;
  }

  /** A port that was free may belong to somebody else when the next process asks for it: the proxies know the newest. */
  async #listening(): Promise<void> {
    this.#port = Number(new URL(await this.server.url()).port);
  }

  async #connect(user: string, thread: string, port: number): Promise<Tab> {
    const delivered: AgentEvent[] = [];
    const client = new Client({
      url: `ws://127.0.0.1:${port}/ws`,
      token: user,
      WebSocket: WebSocket as never,
      subscribe: [thread],
      backoffMs: 50,
      maxBackoffMs: 500,
      handshakeMs: 2_000,
      connectMs: REST_MS,
      timeoutMs: REST_MS,
      onEvent: (event, stream) => {
        if (stream === thread) delivered.push(event);
      },
    });
    const errors: string[] = [];
    client.onError(({ code, details }) => errors.push((details as { code?: string }).code ?? code));
    client.onFrame(contiguous(this.#options.verdict));
    client.onFrame(noBug(this.#options.verdict));
    await client.open();
    return { user, thread, delivered, client, errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#tabs.map(({ client }) => inTime(client.close(), 'a client').catch(() => {})));
    await this.server[Symbol.asyncDispose]();
    await this.#proxy[Symbol.asyncDispose]();
    await this.#calm[Symbol.asyncDispose]();
    await rm(this.#directory, { recursive: true, force: true });
    this.#options.verdict.secrets += this.#secrets.found;
    if (this.#secrets.found > 0) broke(this.#options.verdict, 'secrets', 'a client was sent a secret of a tool');
  }
}

/** The events of a stream come without a gap: a client has never to ask for what it has missed. */
function contiguous(verdict: Verdict): (frame: ServerFrame) => void {
  const ends = new Map<string, number>();
  return (frame) => {
    if (frame.type === 'welcome') {
      // One that comes back goes on from where it stands, and that is not beyond what it was sent.
      for (const [stream, { floor }] of Object.entries(frame.streams)) ends.set(stream, ends.get(stream) ?? floor);
    }
    if (frame.type === 'reset') ends.set(frame.stream, frame.floor);
    if (frame.type !== 'events') return;
    const end = ends.get(frame.stream);
    if (end !== undefined && frame.offset > end + 1) broke(verdict, 'R7', 'the events of a stream came with a gap');
    ends.set(frame.stream, Math.max(end ?? 0, frame.offset + frame.events.length - 1));
  };
}
