/**
 * The streams of one connection: what `hello` asked for, and every thread that its session follows later.
 */
import type { HelloFrame, Position, StreamInfo } from '@muster/contracts';
import { type EventLog, type Principal, streamOf } from '@muster/core';
import type { Connection } from './connection.ts';
import { StreamFeed } from './stream-feed.ts';

export class Feeds {
  readonly #connection: Connection;
  readonly #principal: Principal;
  readonly #log: EventLog;
  readonly #feeds = new Map<
    string,
    { feed: StreamFeed; opened: Promise<{ info: StreamInfo; reset: string | undefined }> }
  >();

  constructor(connection: Connection, principal: Principal, log: EventLog) {
    this.#connection = connection;
    this.#principal = principal;
    this.#log = log;
    connection.signal.addEventListener(
      'abort',
      () => {
        for (const { feed } of this.#feeds.values()) feed.close();
      },
      { once: true },
    );
  }

  /** Opens what `hello` asks for; the result stands in `welcome`. */
  async openAll(hello: HelloFrame): Promise<Record<string, StreamInfo & { status: 'live' | 'reset' }>> {
    const threads = [...new Set([...hello.subscribe, ...Object.keys(hello.cursors)])];
    const opened = await Promise.all(
      threads.map(async (thread) => {
        const { info, reset } = await this.#open(
          thread,
          Object.hasOwn(hello.cursors, thread) ? hello.cursors[thread] : undefined,
        ).opened;
        return [thread, { ...info, status: reset === undefined ? ('live' as const) : ('reset' as const) }] as const;
      }),
    );
    return Object.fromEntries(opened);
  }

  async replayAll(): Promise<void> {
    await Promise.all(
      [...this.#feeds].map(async ([thread, { feed, opened }]) => {
        const { info, reset } = await opened;
        if (reset !== undefined) {
          this.#connection.send({ type: 'reset', stream: thread, epoch: info.epoch, floor: info.floor, why: reset });
        }
        await feed.replay();
      }),
    );
  }

  async follow(thread: string): Promise<void> {
    const known = this.#feeds.get(thread);
    const { feed, opened } = known ?? this.#open(thread, 'top');
    this.#connection.afterAnswer(feed.hold());
    await opened;
    if (known === undefined) await feed.replay();
  }

  #open(thread: string, cursor: Position | 'top' | undefined) {
    const failed = (error: unknown): void => {
      this.#connection.sendError(this.#connection.fault(`feed of a stream`, error));
    };
    const feed = new StreamFeed(this.#log, streamOf(this.#principal, thread), thread, this.#connection, failed);
    const entry = { feed, opened: feed.open(cursor) };
    // The connection went while its request was handled: nobody would ever close this feed.
    if (this.#connection.signal.aborted) feed.close();
    // One failed look at the log must not spoil the thread for the rest of the connection.
    entry.opened.catch(() => {
      feed.close();
      this.#feeds.delete(thread);
    });
    this.#feeds.set(thread, entry);
    return entry;
  }
}
