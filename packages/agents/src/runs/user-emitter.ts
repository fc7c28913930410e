/**
 * Appends the events of one run to one user's stream. Made from a principal, it cannot name another user.
 *
 * Where other processes write as well, nothing is appended behind events of the same run that it has not written itself:
 * whoever wrote those has taken the run over.
 */
import { type Appended, type Batch, type EventLog, type Gathering, type Principal, streamOf } from '@muster/core';
import type { AgentEvent } from '@muster/contracts';
import { agentError } from '../errors.ts';

export class UserEmitter {
  readonly user: string;
  readonly thread: string;
  readonly #log: EventLog;
  readonly #stream: string;
  readonly #run: string;
  /** The last event up to which the stream is known to hold of the run what was written here. */
  #after: number | undefined;

  /** @param after offset behind which nothing is of the run. @default nobody else writes it */
  constructor(principal: Principal, thread: string, log: EventLog, run: string, after?: number) {
    this.user = principal.user;
    this.thread = thread;
    this.#log = log;
    this.#stream = streamOf(principal, thread);
    this.#run = run;
    this.#after = after;
  }

  /**
   * Resolves when all that `events` gives are in the log, and not before; without an expected top it cannot conflict.
   *
   * @throws MusterError `RUN_FENCED` when somebody else has written events of the run; nothing is appended then. An append
   * of its own that was written though it seemed to fail is not told from that.
   */
  append(events: Gathering): Promise<Appended> {
    if (this.#log.isShared !== true) return this.#log.append(this.#stream, events);
    return this.#appendFenced(events, this.#after);
  }

  async #appendFenced(events: Gathering, after: number | undefined): Promise<Appended> {
    const since = after === undefined ? undefined : { after, check: (batch: Batch) => this.#check(batch, after) };
    const appended = await this.#log.append(this.#stream, events, since === undefined ? {} : { since });
    this.#after = appended.top;
    return appended;
  }

  #check({ json, offset }: Batch, after: number): void {
    // Most of what others write is of other runs: bytes tell that sooner than objects.
    if (!json.includes(`"run":${JSON.stringify(this.#run)}`)) return;
    const events = JSON.parse(json.toString('utf8')) as AgentEvent[];
    if (events.some(({ run }, i) => run === this.#run && offset + i > after))
      throw agentError('RUN_FENCED', { run: this.#run });
  }
}
