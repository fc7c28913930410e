/**
 * The sessions of this process: whose each is, which connection it has, and what was answered to it.
 *
 * A session has one connection at a time; the one before is fenced when another is ready. A session that nobody has
 * connected for a while is forgotten, with its answers; one to which nothing was answered as soon as it is left.
 */
import type { Random } from '@muster/contracts';
import type { Limits } from '../connection/limits.ts';
import { TokenBucket } from '../connection/token-bucket.ts';
import { serverError } from '../errors.ts';
import { Tally } from '../tally.ts';
import { Answers } from './answers.ts';

/** Who can be fenced. */
interface Fenced {
  replaced(): void;
}

export interface KeptSession {
  readonly id: string;
  readonly user: string;
  readonly answers: Answers;
  connection: Fenced | undefined;
  /** When its last connection went, on the scale of `clock.monotonic()`. */
  leftAt: number;
}

/** An id that one of our processes may have made: 128 bits as a UUID. */
const OURS = /^[\da-f]{8}-[\da-f]{4}-[\da-f]{4}-[\da-f]{4}-[\da-f]{12}$/;

export class SessionRegistry {
  readonly #limits: Limits;
  readonly #random: Random;
  readonly #sessions = new Map<string, KeptSession>();
  /** Those without a connection, in the order in which they were left. */
  readonly #left = new Set<KeptSession>();
  /** Connections that have one or are about to, by user. */
  readonly #entered = new Tally();
  readonly #requests = new Map<string, TokenBucket>();
  /** Before that none of them is old enough to be forgotten. */
  #oldAt = 0;
  /** Sessions of a user on other instances. */
  #elsewhere: ((user: string) => number) | undefined;

  constructor(limits: Limits, random: Random) {
    this.#limits = limits;
    this.#random = random;
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Those of other instances count as well from now on. */
  countElsewhere(elsewhere: (user: string) => number): void {
    this.#elsewhere = elsewhere;
  }

  /** Connections that have a session or are about to, by user. */
  get entered(): Iterable<readonly [user: string, sessions: number]> {
    return this.#entered.entries();
  }

  /**
   * The session that a client goes on with, or a fresh one. One that this process does not know may be of another process.
   * It counts from here on, so that those who come together do not all find room: `leave` has to follow once.
   *
   * @throws MusterError `SESSION_EXPIRED` for one of another user, or that nobody has made; `TOO_MANY_SESSIONS`.
   */
  enter(user: string, id: string | undefined, now: number): KeptSession {
    this.#forgetOld(now);
    const known = id === undefined ? undefined : this.#sessions.get(id);
    if (known !== undefined && known.user !== user) throw serverError('SESSION_EXPIRED', {});
    if (id !== undefined && known === undefined && !OURS.test(id)) throw serverError('SESSION_EXPIRED', {});
    // One that is going to be fenced makes room for the one that comes.
    const here = this.#entered.of(user) - (known?.connection === undefined ? 0 : 1);
    const sessions = here + (this.#elsewhere?.(user) ?? 0);
    const limit = this.#limits.sessionsPerUser;
    if (sessions >= limit) throw serverError('TOO_MANY_SESSIONS', { sessions, limit });
    this.#entered.count(user);
    if (known !== undefined) return known;
    const { answersPerSession, sessionMs } = this.#limits;
    const answers = new Answers(answersPerSession, sessionMs);
    const made = { id: id ?? this.#random.uuid(), user, answers, connection: undefined, leftAt: now };
    // Of a fresh one nobody else knows: it is kept when it is connected.
    if (id !== undefined) {
      this.#sessions.set(id, made);
      this.#left.add(made);
    }
    return made;
  }

  /** From now on the session is this connection's; the one before is fenced. */
  connect(session: KeptSession, connection: Fenced): void {
    const before = session.connection;
    session.connection = connection;
    this.#left.delete(session);
    this.#sessions.set(session.id, session);
    before?.replaced();
  }

  /** The connection has gone; a session that was its own stays with the one that came after it, if there is one. */
  leave(session: KeptSession, connection: Fenced, now: number): void {
    this.#entered.uncount(session.user);
    if (session.connection !== connection) return;
    session.connection = undefined;
    session.leftAt = now;
    // Where nothing was asked for there is nothing to remember, and who comes back with its id gets one like it.
    if (session.answers.size > 0 || this.#requests.has(session.user)) this.#left.add(session);
    else if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
  }

  /** The requests of a user over all connections. */
  requestsOf(user: string, now: number): TokenBucket {
    let bucket = this.#requests.get(user);
    if (bucket === undefined) {
      bucket = new TokenBucket(this.#limits.requestsPerSecond, now);
      this.#requests.set(user, bucket);
    }
    return bucket;
  }

  #forgetOld(now: number): void {
    if (now < this.#oldAt) return;
    const { sessionMs } = this.#limits;
    this.#oldAt = now + sessionMs;
    for (const session of this.#left) {
      if (now - session.leftAt < sessionMs) {
        this.#oldAt = session.leftAt + sessionMs;
        break;
      }
      this.#left.delete(session);
      this.#sessions.delete(session.id);
      if (this.#entered.of(session.user) === 0 && this.#requests.get(session.user)?.isFull(now) === true)
        this.#requests.delete(session.user);
    }
  }
}
