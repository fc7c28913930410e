/**
 * Threads and messages of users, on whatever store is behind the port. One thread id from the first frame to the last row.
 */
import type { RunStatus, ThreadMessage } from '@muster/contracts';
import { Clock, type Principal, Random, service } from '@muster/core';
import { agentError } from '../errors.ts';
import { ThreadStore } from './thread-store.ts';

/** How much of the first message becomes the title of its thread, in characters. */
const TITLE_LENGTH = 80;

/** A question that was stored and waits for its answer. */
export interface Conversation {
  /** The messages before this question. */
  readonly history: readonly ThreadMessage[];
  /** Stores the answer, also one that went wrong, with its status. */
  end(status: RunStatus, answer: string): Promise<void>;
  /** Marks the question as failed, because no run came of it. */
  abandon(): Promise<void>;
}

@service({ dependsOn: [ThreadStore, Clock, Random] })
export class ThreadService {
  readonly #store: ThreadStore;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(store: ThreadStore, clock: Clock, random: Random) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Stores a question, in a new thread when nobody has one of this id.
   *
   * @throws MusterError `THREAD_NOT_FOUND` when the thread is somebody else's.
   */
  async begin(principal: Principal, thread: string, text: string, run: string): Promise<Conversation> {
    const { user } = principal;
    const at = this.#clock.now();
    const opened = await this.#store.open(user, { id: thread, title: text.slice(0, TITLE_LENGTH), at });
    if (opened === null) throw agentError('THREAD_NOT_FOUND', { thread });
    const history = (await this.#store.messages(user, thread)) ?? [];
    const question: ThreadMessage = {
      id: this.#random.uuid(),
      role: 'user',
      content: text,
      status: 'pending',
      run,
      at,
    };
    await this.#store.add(user, thread, [question]);
    return {
      history,
      abandon: async () => {
        await this.#store.settle(user, thread, question.id, { status: 'failed', at: this.#clock.now() });
      },
      end: async (status, answer) => {
        const ended = this.#clock.now();
        await this.#store.settle(user, thread, question.id, { status, at: ended });
        await this.#store.add(user, thread, [
          { id: this.#random.uuid(), role: 'assistant', content: answer, status, run, at: ended },
        ]);
      },
    };
  }

  /**
   * The messages of a thread, in order.
   *
   * @throws MusterError `THREAD_NOT_FOUND` when there is none of this id for this user.
   */
  async messages(principal: Principal, thread: string): Promise<readonly ThreadMessage[]> {
    const messages = await this.#store.messages(principal.user, thread);
    if (messages === null) throw agentError('THREAD_NOT_FOUND', { thread });
    return messages;
  }
}
