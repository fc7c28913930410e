/**
 * The few requests to JetStream that log and store are made of: append under a condition, look up, remove.
 *
 * All of them are answered by the leader of a stream, so what one has written the next one reads.
 *
 * There is none that purges a subject. A server before 2.9.18 that starts again and finds that request in the journal of the
 * stream forgets everything that the whole stream had when it was made, whatever its subject; where all servers were killed,
 * so do all. One that removes a single message is repeated as it was.
 */
import { headers, type Msg, type NatsConnection as Connection, NoRespondersError } from '@nats-io/transport-node';

/** One message as it is kept. */
export interface Kept {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
}

/** How an append under a condition ended; `moved` when somebody else was faster. */
export type Published = { readonly ok: true; readonly sequence: number } | { readonly ok: false };

/** What JetStream says when it refuses: a code of its own, and words. */
export class Refused extends Error {
  readonly code: number;

  constructor(code: number, description: string) {
    super(description);
    this.code = code;
  }
}

interface ApiError {
  readonly err_code?: number;
  readonly code?: number;
  readonly description?: string;
}

const WRONG_LAST_SEQUENCE = 10_071;
const NO_MESSAGE = 10_037;
/** What is to be removed is not there. */
const GONE = new Set([10_043, 10_057]);
/** Codes that say that there is no room: bytes, storage of the server, of the account. */
const NO_ROOM = new Set([10_077, 10_047, 10_023, 10_028]);
const EXPECTED = 'Nats-Expected-Last-Subject-Sequence';

/** How long one request may take, in milliseconds; a leader that is gone does not answer. */
export const REQUEST_MS = 2_000;

export class JetStream {
  readonly #connection: () => Connection;
  readonly #stream: string;

  /** @param connection the present one. */
  constructor(connection: () => Connection, stream: string) {
    this.#connection = connection;
    this.#stream = stream;
  }

  /**
   * Appends one message if the last one of its subject has the sequence `expected`, 0 for none. Of several that are under way
   * at the same time more than one may be stored.
   *
   * @throws Error when nobody knows what became of it, or `Refused`.
   */
  async publish(subject: string, data: Uint8Array, expected: number): Promise<Published> {
    if (expected === 0) return this.#publishFirst(subject, data);
    const condition = headers();
    condition.set(EXPECTED, String(expected));
    const answer = await this.#connection().request(subject, data, { timeout: REQUEST_MS, headers: condition });
    const { seq, error } = answer.json<{ seq?: number; error?: ApiError }>();
    if (seq !== undefined && error === undefined) return { ok: true, sequence: seq };
    if (error?.err_code === WRONG_LAST_SEQUENCE) return { ok: false };
    throw refusal(error);
  }

  /**
   * Asks first, and sends no condition. Whether a subject is empty servers compare when a message is about to be stored, and
   * not when it comes in, and what they refuse then they count. A server that was killed has forgotten that count: it stores
   * as many messages once more when it starts again, and from then on has other sequences than the others.
   */
  async #publishFirst(subject: string, data: Uint8Array): Promise<Published> {
    if ((await this.last(subject)) !== undefined) return { ok: false };
    return { ok: true, sequence: await this.publishAny(subject, data) };
  }

  /** Appends one message, whatever was there before; its sequence. @throws Error when it was not stored, or nobody knows. */
  async publishAny(subject: string, data: Uint8Array): Promise<number> {
    const answer = await this.#connection().request(subject, data, { timeout: REQUEST_MS });
    const { seq, error } = answer.json<{ seq?: number; error?: ApiError }>();
    if (seq === undefined || error !== undefined) throw refusal(error);
    return seq;
  }

  /** The last message of a subject. */
  last(subject: string): Promise<Kept | undefined> {
    return this.#get({ last_by_subj: subject });
  }

  /** The first message of a subject, wildcards allowed, that has this sequence or a higher one. */
  next(subject: string, sequence: number): Promise<Kept | undefined> {
    return this.#get({ next_by_subj: subject, seq: Math.max(1, sequence) });
  }

  /** How much the stream holds, in bytes. */
  async bytes(): Promise<number> {
    const { state } = await this.#ask<{ state: { bytes: number } }>('INFO', {});
    return state.bytes;
  }

  /** Removes one message; harmless when it is not there. */
  async remove(sequence: number): Promise<void> {
    try {
      await this.#ask('MSG.DELETE', { seq: sequence, no_erase: true });
    } catch (error) {
      if (!(error instanceof Refused && GONE.has(error.code))) throw error;
    }
  }

  async #get(query: object): Promise<Kept | undefined> {
    try {
      const { message } = await this.#ask<{ message: { subject: string; seq: number; data?: string } }>(
        'MSG.GET',
        query,
      );
      return { subject: message.subject, sequence: message.seq, data: Buffer.from(message.data ?? '', 'base64') };
    } catch (error) {
      if (error instanceof Refused && error.code === NO_MESSAGE) return undefined;
      throw error;
    }
  }

  async #ask<T>(what: string, query: object): Promise<T> {
    const subject = `$JS.API.STREAM.${what}.${this.#stream}`;
    const answer: Msg = await this.#connection().request(subject, JSON.stringify(query), { timeout: REQUEST_MS });
    const { error, ...rest } = answer.json<{ error?: ApiError }>();
    if (error !== undefined) throw refusal(error);
    return rest as T;
  }
}

function refusal(error: ApiError | undefined): Refused {
  return new Refused(error?.err_code ?? error?.code ?? 0, error?.description ?? 'an answer that is none');
}

/** True when there is no room for what was to be appended. */
export function isFull(error: unknown): boolean {
  return error instanceof Refused && NO_ROOM.has(error.code);
}

/** Codes that no repetition mends: what is asked for is wrong. */
const WRONG = new Set([10_003, 10_025, 10_052, 10_054, 10_056, 400]);

/** True when asking again may help: nobody answered, nobody leads, or the connection is being made anew. */
export function isPassing(error: unknown): boolean {
  return !(error instanceof Refused && WRONG.has(error.code));
}

/** Why a request was not answered, in words for people. */
export function whyUnanswered(error: unknown): string {
  if (error instanceof NoRespondersError || (error instanceof Error && error.cause instanceof NoRespondersError))
    return 'nobody leads the stream at the moment';
  return error instanceof Error ? error.message : String(error);
}
