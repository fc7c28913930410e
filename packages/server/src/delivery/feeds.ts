/**
 * The streams of one connection: what it asked to follow, and every thread that its session runs in.
 *
 * They are streams of the connection's own user, whatever a frame says: the key is made from the session's principal.
 */
import type { AckFrame, HelloFrame, Position, PullFrame, StreamStatus } from '@muster/contracts';
import { type EventLog, type Principal, streamOf } from '@muster/core';
import { serverError } from '../errors.ts';
import type { Ledger, StreamAccount } from './ledger.ts';
import { type FeedObserver, type FrameSink, StreamFeed } from './stream-feed.ts';

/** What feeds need of their connection. */
export interface FeedsSurroundings {
  readonly log: EventLog;
  readonly ledger: Ledger;
  /** Id of the connection. */
  readonly connection: string;
  readonly sink: FrameSink;
  readonly observer: FeedObserver;
  /** False for a client that does not: what was written counts then. */
  readonly acknowledges: boolean;
  readonly limits: { readonly window: number; readonly streams: number };
}

interface Followed {
  readonly feed: StreamFeed;
  readonly account: StreamAccount;
  readonly opened: Promise<{ status: StreamStatus; reset: string | undefined }>;
  /** The client asked for it, so it counts against the limit. */
  isAsked: boolean;
}

export class Feeds {
  readonly #principal: Principal;
  readonly #around: FeedsSurroundings;
  /** By name; made with the first. */
  #streams: Map<string, Followed> | undefined;
  #isClosed = false;

  constructor(principal: Principal, around: FeedsSurroundings) {
    this.#principal = principal;
    this.#around = around;
  }

  /** Opens what `hello` asks for; the result stands in `welcome`. */
  async openAll({ subscribe, cursors }: HelloFrame): Promise<Record<string, StreamStatus>> {
    const names = [...new Set([...Object.keys(cursors), ...subscribe])];
    if (names.length === 0) return {};
    const opened = names.map(async (name) => {
      const cursor = Object.hasOwn(cursors, name) ? cursors[name] : undefined;
      return [name, (await this.#open(name, cursor, true).opened).status] as const;
    });
    return Object.fromEntries(await Promise.all(opened));
  }

  /** Replays what was opened before `welcome`; resolves when all of it is live. */
  async replayAll(): Promise<void> {
    if (this.#streams === undefined) return;
    const replayed = [...this.#streams].map(async ([name, followed]) => {
      await this.#replay(name, followed);
      await followed.feed.whenLive();
    });
    await Promise.all(replayed);
  }

  /**
   * Follows what the client asks for.
   *
   * @throws MusterError `STREAMS_FULL`.
   */
  async subscribe(name: string, cursor: Position | undefined): Promise<void> {
    const known = this.#streams?.get(name);
    const asked = [...(this.#streams?.values() ?? [])].filter(({ isAsked }) => isAsked).length;
    if (known?.isAsked !== true && asked >= this.#around.limits.streams)
      throw serverError('STREAMS_FULL', { streams: asked });
    // Once more from the cursor: whoever asks again has lost its place.
    if (known !== undefined) this.#drop(name, known);
    await this.#replay(name, this.#open(name, cursor, true));
  }

  unsubscribe(name: string): void {
    const known = this.#streams?.get(name);
    if (known !== undefined) this.#drop(name, known);
  }

  /**
   * Follows a thread in which the session runs.
   *
   * @param cursor where it begins. @default only what is new
   * @returns where the thread stood, and what lets its events go: nothing is sent before that is called.
   */
  async follow(name: string, cursor?: Position): Promise<{ position: Position; release: () => void }> {
    const known = this.#streams?.get(name);
    const followed = known ?? this.#open(name, cursor ?? 'top', false);
    const release = followed.feed.hold();
    try {
      await followed.opened;
      if (known === undefined) await followed.feed.replay();
      return { position: followed.feed.position, release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** @throws MusterError `STREAM_UNKNOWN` or `ACK_BEYOND`. */
  acknowledge({ stream, epoch, offset }: AckFrame): void {
    const { feed, account } = this.#known(stream);
    if (!feed.acknowledge(epoch, offset))
      throw serverError('ACK_BEYOND', { stream, offset, sent: feed.position.offset });
    account.acknowledged(epoch, offset);
  }

  /** @throws MusterError `STREAM_UNKNOWN`. */
  pull({ stream, epoch, since }: PullFrame): void {
    this.#known(stream).feed.pull(epoch, since);
  }

  /** Where each stream stands. */
  get positions(): Record<string, Position> {
    return Object.fromEntries([...(this.#streams ?? [])].map(([name, { feed }]) => [name, feed.position]));
  }

  /** Events on their way, or at the client and not acknowledged. */
  get unacknowledged(): number {
    let sum = 0;
    for (const { feed } of this.#streams?.values() ?? []) sum += feed.unacknowledged;
    return sum;
  }

  /** True while there is any. */
  get hasUnacknowledged(): boolean {
    for (const { feed } of this.#streams?.values() ?? []) if (feed.unacknowledged > 0) return true;
    return false;
  }

  close(): void {
    this.#isClosed = true;
    for (const [name, followed] of this.#streams ?? []) this.#drop(name, followed);
  }

  #known(stream: string): Followed {
    const known = this.#streams?.get(stream);
    if (known === undefined) throw serverError('STREAM_UNKNOWN', { stream });
    return known;
  }

  async #replay(name: string, { feed, opened }: Followed): Promise<void> {
    const { status, reset } = await opened;
    const { epoch, floor } = status;
    if (reset !== undefined) this.#around.sink.send({ type: 'reset', stream: name, epoch, floor, why: reset });
    await feed.replay();
  }

  #open(name: string, cursor: Position | 'top' | undefined, isAsked: boolean): Followed {
    const { log, ledger, connection, sink, observer, limits, acknowledges } = this.#around;
    const key = streamOf(this.#principal, name);
    const account = ledger.follow(key, connection);
    const feed = new StreamFeed({ log, key, name, window: limits.window, account, acknowledges }, sink, observer);
    const opened = feed.open(cursor).then(({ info, reset }) => {
      const { epoch, floor, top } = info;
      const status = { epoch, floor, top, status: reset === undefined ? ('live' as const) : ('reset' as const) };
      return { status, reset };
    });
    const followed: Followed = { feed, account, opened, isAsked };
    this.#streams ??= new Map();
    this.#streams.set(name, followed);
    // One failed look at the log must not spoil the thread for the rest of the connection.
    opened.catch(() => this.#drop(name, followed));
    // The connection went while its request was handled: nobody would ever close this feed.
    if (this.#isClosed) this.#drop(name, followed);
    return followed;
  }

  #drop(name: string, followed: Followed): void {
    followed.feed.close();
    followed.account.end();
    if (this.#streams?.get(name) === followed) this.#streams?.delete(name);
  }
}
