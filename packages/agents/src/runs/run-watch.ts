/**
 * Takes each accepted run to its end: has its engine run it, stores how it ended, and gives its turn back.
 *
 * Nothing that fails here hides how a run ended, and cleaning up after one never waits for another.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { RuntimeEvents } from '@muster/core';
import type { OnDisconnect } from '../agents/agent.ts';
import type { Conversation } from '../threads/thread-service.ts';
import { allEnded } from './all-ended.ts';
import { onAbsence } from './absence.ts';
import type { ExecutionEngine } from './execution-engine.ts';
import type { Presence } from './requester.ts';
import type { Turn } from './run-queue.ts';
import type { RunRecords } from './run-records.ts';
import type { Going } from './sub-agents.ts';

/** How long what ignores its signal keeps the turn of its run, in milliseconds: a user must not be locked out by it for good. */
const ABANDONED_MS = 60_000;

/** A run on its way to its first event. */
export interface Watched {
  readonly engine: ExecutionEngine;
  /** Resolves when its first events are in the log; when it rejects there is no run to watch. */
  readonly accepted: Promise<void>;
  readonly conversation: Conversation;
  readonly turn: Turn;
  readonly presence: Presence | undefined;
  readonly onDisconnect: OnDisconnect;
}

/** What all watched runs share. */
interface Shared {
  readonly records: RunRecords;
  readonly clock: Clock;
  readonly events: RuntimeEvents;
  /** A run leaves it when nothing of it is to be done any more. */
  readonly active: Map<string, Going>;
}

export class RunWatch {
  readonly #parts: Shared;
  /** Ends the patience with what ignores its signal: for its turn, and for its scope. */
  readonly #patience = new Set<Pick<Timer, 'cancel'>>();
  #abandoned = 0;

  constructor(parts: Shared) {
    this.#parts = parts;
  }

  /** Runs that have their terminal, and of whose tools or agents something still goes on. */
  get abandoned(): number {
    return this.#abandoned;
  }

  /** Carries a run to its end and stores the answer; never rejects. */
  async over({ engine, accepted, conversation, turn, presence, onDisconnect }: Watched): Promise<void> {
    const { active, records } = this.#parts;
    try {
      await accepted;
    } catch {
      // Whoever asked is told by accept(); there is no run to watch.
      await engine.closeScope();
      active.delete(engine.run);
      return;
    }
    let storing: Promise<unknown> = Promise.resolve();
    const begun = turn.come.then(() => {
      storing = this.stored(engine.run, allEnded([conversation.began(), records.began(engine.run)]));
    });
    const lookAway = this.#lookFor(presence, onDisconnect, engine);
    const ending = await engine.execute(begun);
    lookAway();
    const closed = this.#release(engine, turn);
    // A stop waits for this run: by then nothing of it may use the store any more.
    await storing;
    const answer = ending.finalResponse ?? ending.error?.message ?? '';
    const isStored =
      !records.settlesHere(engine.run, engine.isRecorded) ||
      (await this.stored(engine.run, conversation.end(ending.status, answer)));
    // Last, and not where something could not be written: what is still to be done is done by whoever finds the record.
    if (engine.isRecorded && isStored) await this.stored(engine.run, records.close(engine.run));
    else records.leave(engine.run);
    await closed;
    active.delete(engine.run);
  }

  /** A store that fails here must not hide how the run or the request ended; false when it has, and never rejects. */
  async stored(run: string, storing: Promise<void>): Promise<boolean> {
    const { events, clock } = this.#parts;
    try {
      await storing;
      return true;
    } catch (error) {
      events.emit({ type: 'fault', component: 'thread service', correlation: run, run, error, at: clock.now() });
      return false;
    }
  }

  /**
   * Closes the scope of a run that has ended.
   *
   * @returns resolves when it is closed; undefined for a run that has something going on, which is not waited for.
   */
  closeScope(engine: ExecutionEngine): Promise<void> | undefined {
    const closed = engine.closeScope();
    if (!engine.isBusy) return closed;
    const patience = { cancel: () => engine.endGrace() };
    this.#patience.add(patience);
    void closed.then(() => this.#patience.delete(patience));
    return undefined;
  }

  /** Nobody waits for a turn or a scope any more: what goes on for ever must not keep the process alive. */
  close(): void {
    for (const patience of this.#patience) patience.cancel();
    this.#patience.clear();
  }

  /** Has a run end when its user stays away for longer than its agent allows. */
  #lookFor(presence: Presence | undefined, onDisconnect: OnDisconnect, engine: ExecutionEngine): () => void {
    if (presence === undefined || onDisconnect === 'continue') return () => {};
    const { cancelAfterMs } = onDisconnect;
    const away = (): void => engine.abandon(`its user has had no connection for ${cancelAfterMs} ms`);
    return onAbsence(presence, this.#parts.clock, cancelAfterMs, away);
  }

  /**
   * What a run has begun keeps its turn until it is over, and a minute at the most: a tool that ignores its signal still
   * uses what it uses.
   *
   * @returns as `closeScope()` does.
   */
  #release(engine: ExecutionEngine, turn: Turn): Promise<void> | undefined {
    const closed = this.closeScope(engine);
    if (closed !== undefined) {
      turn.leave();
      return closed;
    }
    this.#abandoned += 1;
    const patience = this.#parts.clock.schedule(ABANDONED_MS, () => turn.leave());
    this.#patience.add(patience);
    void engine.settled().then(() => {
      this.#abandoned -= 1;
      patience.cancel();
      this.#patience.delete(patience);
      turn.leave();
    });
    return undefined;
  }
}
