/**
 * The connection to NATS as a service: one for everything, made anew by itself for as long as it takes.
 *
 * All replicas share what is behind it, so its loss is no crash. Who reads or writes through it says whether that works.
 */
import { MusterError } from '@muster/contracts';
import { Clock, type Health, healthy, RuntimeEvents, service, sleep, type StartContext, unhealthy } from '@muster/core';
import { jetstreamManager, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { connect, type NatsConnection as Connection } from '@nats-io/transport-node';
import { natsError } from './errors.ts';
import { JetStream, type Kept, whyUnanswered } from './jetstream.ts';
import { NatsSettings } from './options.ts';

/** How long the first connection may take, in milliseconds. */
const CONNECT_MS = 5_000;
/** How long the servers may keep quiet before the connection counts as dead: so many pings of so many milliseconds. */
const PINGS = { pingInterval: 2_000, maxPingOut: 2 } as const;
const STREAM_NOT_FOUND = 10_059;
/** Messages are read so many at a time, and again when they are too few. */
const READ_AT_ONCE = 1_000;
const READ_ATTEMPTS = 10;
const READ_AGAIN_MS = 100;

@service({ dependsOn: [NatsSettings, Clock, RuntimeEvents], shared: true })
export class NatsConnection {
  readonly #settings: NatsSettings;
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  #connection: Connection | undefined;
  #manager: JetStreamManager | undefined;
  readonly #returned = new Set<() => void>();
  #isConnected = false;

  constructor(settings: NatsSettings, clock: Clock, events: RuntimeEvents) {
    this.#settings = settings;
    this.#clock = clock;
    this.#events = events;
  }

  /** @throws MusterError `NATS_UNREACHABLE` or `NATS_NO_JETSTREAM`; both can pass. */
  async start({ signal }: Pick<StartContext, 'signal'>): Promise<void> {
    const { servers, connection } = this.#settings;
    let made: Connection;
    try {
      made = await connect({
        ...PINGS,
        timeout: CONNECT_MS,
        // A stack for each request, in case it should fail, costs more than the request; ours name what was asked.
        noAsyncTraces: true,
        ...connection,
        servers: [...servers],
        // A server that is gone may be back in an hour, and nothing here would be better off without a connection.
        maxReconnectAttempts: -1,
        reconnectTimeWait: 250,
        reconnectJitter: 250,
      });
    } catch (error) {
      throw natsError('NATS_UNREACHABLE', { servers, reason: whyUnanswered(error) }, error);
    }
    if (signal.aborted) {
      await made.close();
      throw signal.reason;
    }
    this.#connection = made;
    this.#isConnected = true;
    void this.#watch(made);
    try {
      this.#manager = await jetstreamManager(made);
    } catch (error) {
      throw natsError('NATS_NO_JETSTREAM', { servers, reason: whyUnanswered(error) }, error);
    }
  }

  async check(): Promise<Health> {
    if (this.#connection === undefined || !this.#isConnected) return unhealthy('there is no connection');
    await this.#connection.rtt();
    return healthy;
  }

  async stop(): Promise<void> {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#manager = undefined;
    this.#isConnected = false;
    await connection?.close();
  }

  /** @throws MusterError `NATS_CLOSED` before start and after stop. */
  get connection(): Connection {
    if (this.#connection === undefined) throw natsError('NATS_CLOSED', {});
    return this.#connection;
  }

  /** The largest message that the servers take, in bytes. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 2 ** 20;
  }

  jetstream(stream: string): JetStream {
    return new JetStream(() => this.connection, stream);
  }

  /** Calls `listener` when the connection is there again after it was lost; what happened meanwhile was not heard. */
  onReturn(listener: () => void): () => void {
    this.#returned.add(listener);
    return () => void this.#returned.delete(listener);
  }

  /**
   * Makes a stream, or looks whether the one that is there fits.
   *
   * @throws MusterError `NATS_STREAM_UNFIT` when it does not.
   */
  async ensureStream(config: Partial<StreamConfig> & { readonly name: string }): Promise<StreamInfo> {
    const { streams } = this.#managerOrThrow();
    let info: StreamInfo;
    try {
      info = await streams.info(config.name);
    } catch (error) {
      if ((error as { code?: number }).code !== STREAM_NOT_FOUND) throw this.#unavailable(error);
      try {
        // Another instance may do the same now: an equal one is no error.
        return await streams.add(config);
      } catch (failure) {
        throw this.#unavailable(failure);
      }
    }
    const expected = {
      subjects: config.subjects,
      num_replicas: config.num_replicas,
      max_msgs_per_subject: config.max_msgs_per_subject,
    };
    for (const [what, value] of Object.entries(expected)) {
      const got = (info.config as unknown as Record<string, unknown>)[what];
      if (JSON.stringify(got) !== JSON.stringify(value) && value !== undefined)
        throw natsError('NATS_STREAM_UNFIT', {
          stream: config.name,
          what,
          got: JSON.stringify(got),
          expected: JSON.stringify(value),
        });
    }
    return info;
  }

  /**
   * Reads all messages of a subject, wildcards allowed, as they are now.
   *
   * @throws Error when the server that sends them is behind the others and stays so.
   */
  async readAll(stream: string, subject: string): Promise<readonly Kept[]> {
    const { streams } = this.#managerOrThrow();
    for (let attempt = 1; ; attempt += 1) {
      const { state } = await streams.info(stream, { subjects_filter: subject });
      const all = await this.#readOnce(stream, subject);
      // They may have come from a server that is behind; the leader has said how many there were at least.
      const counts = new Map<string, number>();
      for (const kept of all) counts.set(kept.subject, (counts.get(kept.subject) ?? 0) + 1);
      const isWhole = Object.entries(state.subjects ?? {}).every(([of, count]) => (counts.get(of) ?? 0) >= count);
      if (isWhole) return all;
      if (attempt === READ_ATTEMPTS) throw new Error(`not all messages of ${subject} could be read`);
      await sleep(this.#clock, READ_AGAIN_MS);
    }
  }

  async #readOnce(stream: string, subject: string): Promise<readonly Kept[]> {
    const manager = this.#managerOrThrow();
    const made = await manager.consumers.add(stream, {
      filter_subject: subject,
      ack_policy: 'none',
      deliver_policy: 'all',
      mem_storage: true,
      num_replicas: 1,
      inactive_threshold: 5_000_000_000,
    });
    const all: Kept[] = [];
    try {
      const consumer = await manager.jetstream().consumers.get(stream, made.name);
      while (all.length < made.num_pending) {
        const before = all.length;
        const most = Math.min(READ_AT_ONCE, made.num_pending - before);
        for await (const { subject: of, seq, data } of await consumer.fetch({ max_messages: most, expires: 2_000 }))
          all.push({ subject: of, sequence: seq, data });
        // What was removed meanwhile never comes.
        if (all.length === before) break;
      }
    } finally {
      await manager.consumers.delete(stream, made.name).catch(() => {});
    }
    return all;
  }

  #managerOrThrow(): JetStreamManager {
    if (this.#manager === undefined) throw natsError('NATS_CLOSED', {});
    return this.#manager;
  }

  #unavailable(error: unknown): MusterError {
    if (error instanceof MusterError) return error;
    return natsError('NATS_NO_JETSTREAM', { servers: this.#settings.servers, reason: whyUnanswered(error) }, error);
  }

  /** Hears of losses and returns until the connection is closed. */
  async #watch(connection: Connection): Promise<void> {
    for await (const status of connection.status()) {
      if (this.#connection !== connection) return;
      if (status.type === 'disconnect') this.#isConnected = false;
      if (status.type === 'reconnect') this.#isConnected = true;
      if (status.type === 'reconnect' || status.type === 'slowConsumer') this.#tellReturn();
    }
  }

  #tellReturn(): void {
    for (const listener of this.#returned) {
      try {
        listener();
      } catch (error) {
        this.#events.emit({
          type: 'fault',
          component: 'connection to NATS',
          correlation: null,
          error,
          at: this.#clock.now(),
        });
      }
    }
  }
}
