/**
 * What a check of a server is given: peers, fresh threads, and runs in them.
 *
 * It puts every peer away at the end, and opens only so many at the same time that no limit of the server is met.
 */
import { type Position, type RunAccepted, SUBPROTOCOL, type WelcomeFrame } from '@muster/contracts';
import { systemClock, systemRandom } from '@muster/core';
import { NotApplicable } from './deviation.ts';
import { type HelloMore, Peer, type UpgradeRequest } from './peer.ts';
import { StreamLog } from './stream-log.ts';

export interface ServerOptions {
  /** `ws://` or `wss://`, with the path of a factory. */
  readonly url: string;
  readonly token: string;
  /** Of another user. @default none; what needs one is not applicable. */
  readonly otherToken?: string | undefined;
  /** A method that starts a run. @default 'run' */
  readonly method?: string | undefined;
  /** Its data, but for the thread. @default { text: 'conformance' } */
  readonly data?: Readonly<Record<string, unknown>> | undefined;
  /** How long to wait for what must come, in milliseconds. @default 5_000 */
  readonly deadlineMs?: number | undefined;
}

/** A thread in which runs have ended, with everything that was sent of it. */
export interface Recording {
  readonly thread: string;
  readonly epoch: string;
  readonly top: number;
  readonly log: StreamLog;
  readonly runs: readonly string[];
}

/** What belongs to all checks of one server. */
export class ServerUnderTest {
  readonly url: string;
  readonly token: string;
  readonly otherToken: string | undefined;
  readonly method: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly deadlineMs: number;
  #recording: Promise<Recording> | undefined;

  constructor({
    url,
    token,
    otherToken,
    method = 'run',
    data = { text: 'conformance' },
    deadlineMs = 5_000,
  }: ServerOptions) {
    this.url = url;
    this.token = token;
    this.otherToken = otherToken;
    this.method = method;
    this.data = data;
    this.deadlineMs = deadlineMs;
  }

  /** Calls `use` with what one check needs, and closes its peers afterwards. */
  async visit(use: (visit: Visit) => Promise<void>): Promise<void> {
    const visit = new Visit(this);
    try {
      await use(visit);
    } finally {
      visit.leave();
    }
  }

  /** Two runs in one thread, made once for all checks that only read. */
  recording(): Promise<Recording> {
    this.#recording ??= this.#record();
    return this.#recording;
  }

  async #record(): Promise<Recording> {
    let recording: Recording | undefined;
    await this.visit(async (visit) => {
      recording = await visit.record(2);
    });
    return recording as Recording;
  }
}

/** One check's view of the server. */
export class Visit {
  readonly server: ServerUnderTest;
  readonly #peers: Peer[] = [];

  constructor(server: ServerUnderTest) {
    this.server = server;
  }

  fresh(what = 'conformance'): string {
    return `${what}-${systemRandom.uuid()}`;
  }

  /** Milliseconds on a scale of their own. */
  now(): number {
    return systemClock.monotonic();
  }

  /** A peer whose upgrade has been asked for and not been answered yet. */
  knock(upgrade: Partial<UpgradeRequest> = {}): Peer {
    const { url, deadlineMs } = this.server;
    const peer = new Peer({ url, ...upgrade }, { clock: systemClock, random: systemRandom, deadlineMs });
    this.#peers.push(peer);
    return peer;
  }

  /** A peer that is open. @throws Deviation when it is refused. */
  async open(upgrade: Partial<UpgradeRequest> = {}): Promise<Peer> {
    const peer = this.knock(upgrade);
    const refusal = await peer.opened();
    if (refusal !== undefined) throw peer.deviation('status 101', `status ${refusal.status}`);
    return peer;
  }

  /** A peer that is welcome. @throws Deviation */
  async enter(more: HelloMore = {}, token = this.server.token): Promise<{ peer: Peer; welcome: WelcomeFrame }> {
    const peer = await this.open();
    peer.hello(token, more);
    return { peer, welcome: await peer.welcome() };
  }

  /** The data of a request that starts a run. */
  runData(thread: string): Record<string, unknown> {
    return { ...this.server.data, thread };
  }

  /** Starts a run and waits for its response. @throws Deviation */
  async run(peer: Peer, thread: string): Promise<RunAccepted> {
    const response = await peer.response(peer.request(this.server.method, this.runData(thread)));
    const accepted = (response.ok ? response.data : undefined) as Partial<RunAccepted> | null | undefined;
    const isRun = typeof accepted?.run === 'string' && typeof accepted.thread === 'string';
    peer.assert(isRun, 'a response with run and thread', response);
    return accepted as RunAccepted;
  }

  /**
   * Everything of a stream up to the end of its nth run, as one peer got it; a run may take long as long as it goes on.
   *
   * @param from the offset behind which the peer's part of the stream begins. @throws Deviation
   */
  async ended(peer: Peer, thread: string, runs = 1, from = 0): Promise<StreamLog> {
    let log = new StreamLog(from);
    while (!log.hasEnded(runs)) {
      const { top } = log;
      log = await peer.until(`events of ${thread} up to agent_completed`, () => {
        const next = StreamLog.of(peer.frames, thread, from);
        return next.top > top ? next : undefined;
      });
    }
    return log;
  }

  /** What is replayed above `from`, up to its end. @throws Deviation */
  async replayed(peer: Peer, thread: string, from: number, mark = 0): Promise<StreamLog> {
    await peer.expect('live', { from: mark, what: `of ${thread}`, fits: ({ stream }) => stream === thread });
    return StreamLog.of(peer.frames.slice(mark), thread, from);
  }

  /** So many runs, one after the other, in a fresh thread. @throws Deviation */
  async record(runs: number): Promise<Recording> {
    const { peer } = await this.enter();
    const ids: string[] = [];
    let thread = this.fresh();
    let log = new StreamLog();
    while (ids.length < runs) {
      const accepted = await this.run(peer, thread);
      ids.push(accepted.run);
      thread = accepted.thread;
      log = await this.ended(peer, thread, ids.length);
      peer.send({ type: 'ack', stream: thread, epoch: log.epoch, offset: log.top });
    }
    peer.socket.close(1000);
    return { thread, epoch: log.epoch ?? '', top: log.top, log, runs: ids };
  }

  /** A cursor for `hello`. */
  cursor(thread: string, position: Position): HelloMore {
    return { cursors: { [thread]: position } };
  }

  /** @throws NotApplicable without one. */
  otherToken(): string {
    const { otherToken } = this.server;
    if (otherToken === undefined) throw new NotApplicable('it needs a token of another user: --other-token');
    return otherToken;
  }

  leave(): void {
    for (const { socket } of this.#peers) socket.terminate();
  }
}

/** What is offered beside the protocol to carry a token. */
export function bearerProtocols(token: string): string[] {
  return [SUBPROTOCOL, `bearer.${Buffer.from(token).toString('base64url')}`];
}
