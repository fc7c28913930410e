/**
 * Three real servers of NATS, three real backends, each with links of its own to all servers, and the clients of users who
 * are served by one backend after the other.
 */
import { randomUUID } from 'node:crypto';
import { Client } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { connect } from '@nats-io/transport-node';
import { WebSocket } from 'ws';
import { type NatsServer, startCluster } from '../fixtures/nats-servers.ts';
import { RunningProcess } from '../journeys/process.ts';
import { broke, judge, judgeRecorded, noBug, type Verdict } from './ledger.ts';
import { Link } from './link.ts';
import { FaultyProxy } from './proxy.ts';
import { SecretWatch } from './secrets.ts';
import type { Tab } from './site.ts';
import { inTime, until } from './waiting.ts';

/** Within this everything has come to rest: an election, a lease, a look of the reaper, and a boot. */
export const CLUSTER_REST_MS = 90_000;

/** One backend, and what it reaches its servers by. */
export interface Member {
  process: RunningProcess;
  /** While it listens. */
  port: number | undefined;
  readonly links: readonly Link[];
}

export class ClusterSite implements AsyncDisposable {
  readonly servers: readonly NatsServer[];
  readonly members: readonly Member[];
  readonly #backend: string;
  readonly #secrets = new SecretWatch(`s3cret-${randomUUID()}`);
  #proxy!: FaultyProxy;
  #turn = 0;
  /** What processes have said that are no more. */
  #said = '';

  private constructor(backend: string, servers: readonly NatsServer[], links: readonly (readonly Link[])[]) {
    this.#backend = backend;
    this.servers = servers;
    this.members = links.map((own) => ({ process: this.#start(own), port: undefined, links: own }));
  }

  /** @param backend the bundled backend. */
  static async open(backend: string): Promise<ClusterSite> {
    const servers = await startCluster();
    const links = await Promise.all(servers.map(() => Promise.all(servers.map(({ port }) => Link.to(port)))));
    const site = new ClusterSite(backend, servers, links);
    await Promise.all(site.members.map((member) => site.#listening(member)));
    const watch = (nth: number, chunk: Buffer): void => site.#secrets.look(nth, chunk);
    site.#proxy = await FaultyProxy.listen({ port: () => site.#next(), watch });
    return site;
  }

  /** kill -9; comes back with `revive`. */
  async kill(member: Member): Promise<void> {
    member.port = undefined;
    await member.process[Symbol.asyncDispose]();
  }

  /** SIGTERM; resolves to how it ended. New clients go elsewhere from now on. */
  async stop(member: Member): Promise<{ code: number | null }> {
    member.port = undefined;
    member.process.child.kill('SIGTERM');
    return inTime(member.process.exited, 'a backend that was told to stop', CLUSTER_REST_MS);
  }

  async revive(member: Member, env: Readonly<Record<string, string>> = {}): Promise<void> {
    this.#said += member.process.output;
    member.process = this.#start(member.links, env);
    await this.#listening(member);
  }

  /** The server through which every append goes now. */
  async leader(): Promise<NatsServer> {
    const connection = await connect({ servers: this.servers.map(({ url }) => url) });
    try {
      const info = await connection.request('$JS.API.STREAM.INFO.faults_events', '', { timeout: 10_000 });
      const { cluster } = info.json() as { cluster?: { leader?: string } };
      // They are called n1, n2 and so on.
      const leader = this.servers[Number(cluster?.leader?.slice(1)) - 1];
      if (leader === undefined) throw new Error(`the event log has no leader: ${info.string()}`);
      return leader;
    } finally {
      await connection.close();
    }
  }

  /** Lets the leader of the event log give that up, and waits until the instances have seen who follows. */
  async changeLeader(): Promise<void> {
    const connection = await connect({ servers: this.servers.map(({ url }) => url) });
    let marks = 0;
    connection.subscribe('faults.stored.mark', { callback: () => void (marks += 1) });
    await connection.flush();
    await connection.request('$JS.API.STREAM.LEADER.STEPDOWN.faults_events', '', { timeout: 10_000 });
    await until(() => marks >= this.members.length, 15_000);
    await connection.close();
  }

  /** A tab of a user, which follows one thread. */
  async tab(user: string, verdict: Verdict): Promise<Tab> {
    const thread = randomUUID();
    const delivered: AgentEvent[] = [];
    const errors: string[] = [];
    const client = new Client({
      url: `ws://127.0.0.1:${this.#proxy.port}/ws`,
      token: user,
      WebSocket: WebSocket as never,
      subscribe: [thread],
      backoffMs: 50,
      maxBackoffMs: 1_000,
      handshakeMs: 15_000,
      connectMs: CLUSTER_REST_MS,
      timeoutMs: CLUSTER_REST_MS,
      onEvent: (event, stream) => {
        if (stream === thread) delivered.push(event);
      },
    });
    client.onFrame(noBug(verdict));
    client.onError(({ code, details }) => {
      errors.push((details as { code?: string }).code ?? code);
      if (code === 'STREAM_RESET') broke(verdict, 'R1', 'a stream was reset though nothing was lost');
    });
    await client.open();
    return { user, thread, delivered, client, errors };
  }

  /** Compares what each tab was given with the log, as the backend has it that serves the next client. */
  async judge(tabs: readonly Tab[], verdict: Verdict): Promise<AgentEvent[][]> {
    const logs = await Promise.all(tabs.map((tab) => this.#log(tab, verdict)));
    await until(
      () => tabs.every((tab, i) => tab.delivered.length >= (logs[i]?.length ?? 0)),
      CLUSTER_REST_MS / 4,
    ).catch(() => {});
    tabs.forEach((tab, i) => judge(verdict, logs[i] as AgentEvent[], tab.delivered, `canary of ${tab.user}.`));
    judgeRecorded(verdict, this.#saidOf(logs), logs);
    verdict.secrets += this.#secrets.found;
    return logs;
  }

  /** What was said of the runs that are in these logs: the cluster outlives many of them. */
  #saidOf(logs: readonly (readonly AgentEvent[])[]): string {
    const runs = new Set(logs.flat().map(({ run }) => run));
    const all = [this.#said, ...this.members.map(({ process }) => process.output)].join('\n');
    const lines = all.split('\n').filter((line) => runs.has(line.split(' ')[1] ?? ''));
    return lines.join('\n');
  }

  async #log({ user, thread }: Tab, verdict: Verdict): Promise<AgentEvent[]> {
    const delivered: AgentEvent[] = [];
    const client = new Client({
      url: `ws://127.0.0.1:${this.#proxy.port}/ws`,
      token: user,
      WebSocket: WebSocket as never,
      subscribe: [thread],
      connectMs: CLUSTER_REST_MS,
      onEvent: (event) => void delivered.push(event),
    });
    await client.open();
    try {
      const { top } = (await client.welcome).streams[thread] as { top: number };
      await until(() => delivered.length >= top, CLUSTER_REST_MS / 2);
      return delivered;
    } catch (error) {
      broke(verdict, 'R1', `the log of a thread could not be read: ${(error as Error).message}`);
      return delivered;
    } finally {
      await client.close();
    }
  }

  /** What each backend said last, for whoever has to find out what it hangs on. */
  lastWords(): string {
    return this.members.map(({ process }, i) => `── backend ${i + 1}\n${process.output.slice(-1_500)}`).join('\n');
  }

  /** Links are addressed by their own ports, and the servers' own addresses are not taken up. */
  #start(links: readonly Link[], env: Readonly<Record<string, string>> = {}): RunningProcess {
    const SERVERS = links.map(({ port }) => `nats://127.0.0.1:${port}`).join(',');
    const own = { SERVERS, PORT: '0', LOG_FORMAT: 'text', SECRET: this.#secrets.secret };
    return new RunningProcess(this.#backend, { ...own, ...env });
  }

  async #listening(member: Member): Promise<void> {
    member.port = Number(new URL(await inTime(member.process.url(), 'a backend', CLUSTER_REST_MS)).port);
  }

  /** The port of the backend whose turn it is; of none that is down. */
  #next(): number {
    for (let tries = 0; tries < this.members.length; tries += 1) {
      const { port } = this.members[this.#turn % this.members.length] as Member;
      this.#turn += 1;
      if (port !== undefined) return port;
    }
    return 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.members.map(({ process }) => process[Symbol.asyncDispose]()));
    await this.#proxy[Symbol.asyncDispose]();
    await Promise.all(this.members.flatMap(({ links }) => links.map((link) => link[Symbol.asyncDispose]())));
    await Promise.all(this.servers.map((server) => server.remove()));
  }
}
