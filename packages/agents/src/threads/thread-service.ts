/**
 * Threads and messages of users, on whatever store is behind the port. One thread id from the first frame to the last row.
 */
import type { RunStatus, ThreadMessage, ThreadSummary } from '@muster/contracts';
import { Clock, EventLog, type Principal, service, streamOf } from '@muster/core';
import { agentError } from '../errors.ts';
import { ThreadStore } from './thread-store.ts';

/** How much of the first message becomes the title of its thread, in characters. */
const TITLE_LENGTH = 80;
/** How many messages before a question its agent is given. */
const HISTORY = 200;

/** A question that was stored and waits for its answer. */
export interface Conversation {
  /** The messages before this question, 200 at the most. */
  readonly history: readonly ThreadMessage[];
  /** A run answers it. */
  began(): Promise<void>;
  /** Stores the answer, also one that went wrong, with its status. */
  end(status: RunStatus, answer: string): Promise<void>;
}

/** What was asked, and when, in milliseconds since 1970. */
export interface Asked {
  readonly text: string;
  readonly at: number;
}

/** How a run ended, and what is stored as its answer. */
interface End {
  readonly status: RunStatus;
  readonly answer: string;
}

@service({ dependsOn: [ThreadStore, EventLog, Clock] })
export class ThreadService {
  readonly #store: ThreadStore;
  readonly #log: EventLog;
  readonly #clock: Clock;

  constructor(store: ThreadStore, log: EventLog, clock: Clock) {
    this.#store = store;
    this.#log = log;
    this.#clock = clock;
  }

  /** Stores a question, in a new thread when the user has none of this id. */
  async begin(principal: Principal, thread: string, text: string, run: string): Promise<Conversation> {
    const { user } = principal;
    const at = this.#clock.now();
    const history = (await this.#store.messages(user, thread, { latest: HISTORY })) ?? [];
    await this.#ask(user, thread, run, { text, at });
    return this.#conversation(user, thread, run, history);
  }

  /**
   * Goes on with a question of a run that has no answer yet.
   *
   * @param asked the question, where the process before may not have come to store it. @default it has
   */
  async resume({ user }: Principal, thread: string, run: string, asked?: Asked): Promise<Conversation> {
    if (asked !== undefined) await this.#ask(user, thread, run, asked);
    const messages = (await this.#store.messages(user, thread, { latest: HISTORY + 1 })) ?? [];
    const at = messages.findIndex(({ id }) => id === questionOf(run));
    return this.#conversation(user, thread, run, messages.slice(0, Math.max(0, at)));
  }

  #conversation(user: string, thread: string, run: string, history: readonly ThreadMessage[]): Conversation {
    const id = questionOf(run);
    return {
      history,
      began: () => this.#settle(user, thread, id, 'running'),
      end: (status, answer) => this.#end(user, thread, run, { status, answer }),
    };
  }

  /**
   * Stores the end of a run whose process has gone: what that process has stored of it is left as it is.
   *
   * @param asked the question, where that process may not have come to store it. @default it has
   */
  async recover({ user }: Principal, thread: string, run: string, end: End, asked?: Asked): Promise<void> {
    if (asked !== undefined) await this.#ask(user, thread, run, asked);
    await this.#end(user, thread, run, end);
  }

  /** No run came of a question. */
  async abandoned(principal: Principal, thread: string, run: string): Promise<void> {
    await this.#settle(principal.user, thread, questionOf(run), 'failed');
  }

  /**
   * The messages of a thread, in order.
   *
   * @throws MusterError `THREAD_NOT_FOUND` when this user has none of this id, as in the other methods.
   */
  async messages(principal: Principal, thread: string): Promise<readonly ThreadMessage[]> {
    const messages = await this.#store.messages(principal.user, thread);
    if (messages === null) throw agentError('THREAD_NOT_FOUND', { thread });
    return messages;
  }

  /** The user's threads, the last changed first. */
  list(principal: Principal): Promise<readonly ThreadSummary[]> {
    return this.#store.list(principal.user);
  }

  /** Gives a thread another title, cut at 80 characters. */
  async rename(principal: Principal, thread: string, title: string): Promise<void> {
    const renamed = await this.#store.rename(principal.user, thread, title.slice(0, TITLE_LENGTH));
    if (!renamed) throw agentError('THREAD_NOT_FOUND', { thread });
  }

  /** Takes a thread away with its messages and its events. */
  async remove(principal: Principal, thread: string): Promise<void> {
    const removed = await this.#store.remove(principal.user, thread);
    if (!removed) throw agentError('THREAD_NOT_FOUND', { thread });
    await this.#log.drop(streamOf(principal, thread));
  }

  /** Stores a question that waits for its answer, in a new thread when the user has none of this id. */
  async #ask(user: string, thread: string, run: string, { text: content, at }: Asked): Promise<void> {
    await this.#store.open(user, { id: thread, title: content.slice(0, TITLE_LENGTH), at });
    const id = questionOf(run);
    await this.#store.add(user, thread, [{ id, role: 'user', content, status: 'pending', run, at }]);
  }

  async #settle(user: string, thread: string, id: string, status: ThreadMessage['status']): Promise<void> {
    await this.#store.settle(user, thread, id, { status, at: this.#clock.now() });
  }

  async #end(user: string, thread: string, run: string, { status, answer }: End): Promise<void> {
    const at = this.#clock.now();
    await this.#store.add(user, thread, [{ id: answerOf(run), role: 'assistant', content: answer, status, run, at }]);
    await this.#settle(user, thread, questionOf(run), status);
  }
}

/** Known from the run alone, so that whoever finds an open run finds its question. */
function questionOf(run: string): string {
  return `${run}:question`;
}

function answerOf(run: string): string {
  return `${run}:answer`;
}
