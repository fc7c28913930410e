/**
 * Who runs next: a user's runs in the order in which they were accepted, and users in turn.
 *
 * A user with a thousand runs has one place in the round like a user with one, so nobody starves. Every step costs the
 * same, however many wait.
 */
import type { RunLimits } from './run-limits.ts';

/** A run's place, from its acceptance until it has gone. */
export interface Turn {
  /** Runs of the same user that wait and come first, itself included; 0 when it is its turn already. */
  readonly position: number;
  /** Resolves when it may run. Never does so after `leave()`. */
  readonly come: Promise<void>;
  /** It runs no longer, or does not want to; harmless when that was said. */
  leave(): void;
}

interface UserLine {
  running: number;
  /** In order; a `Set`, so that one can leave from the middle. */
  readonly waiting: Set<() => void>;
}

export class RunQueue {
  readonly #limits: Required<RunLimits>;
  readonly #others: (user: string) => number;
  readonly #users = new Map<string, UserLine>();
  /** Users of whom a run could begin if there were room in all; the one whose turn is next stands first. */
  readonly #ready = new Set<string>();
  #running = 0;
  #waiting = 0;

  /** @param others how many runs of a user go on elsewhere; they count against the user's number. @default none do */
  constructor(limits: Required<RunLimits>, others: (user: string) => number = () => 0) {
    this.#limits = limits;
    this.#others = others;
  }

  /** Runs whose turn has come and that have not gone. */
  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** How many of a user wait. */
  waitingOf(user: string): number {
    return this.#users.get(user)?.waiting.size ?? 0;
  }

  /** Looks again at a user of whom others have more or fewer runs than before. */
  look(user: string): void {
    const line = this.#users.get(user);
    if (line === undefined) return;
    this.#look(user, line);
    this.#fill();
  }

  enter(user: string): Turn {
    const line = this.#users.get(user) ?? { running: 0, waiting: new Set() };
    this.#users.set(user, line);
    let begin!: () => void;
    const come = new Promise<void>((resolve) => (begin = resolve));
    let state: 'waiting' | 'running' | 'gone' = 'waiting';
    const start = (): void => {
      state = 'running';
      begin();
    };
    line.waiting.add(start);
    this.#waiting += 1;
    this.#look(user, line);
    this.#fill();
    // Read by the check, and changed by what was called meanwhile.
    const position = (state as string) === 'running' ? 0 : line.waiting.size;
    return {
      position,
      come,
      leave: () => {
        if (state === 'gone') return;
        if (state === 'running') {
          line.running -= 1;
          this.#running -= 1;
        } else if (line.waiting.delete(start)) this.#waiting -= 1;
        state = 'gone';
        this.#look(user, line);
        this.#fill();
      },
    };
  }

  /** Keeps a user in the round while a run of them could begin, and forgets one of whom there is nothing. */
  #look(user: string, line: UserLine): void {
    if (line.waiting.size > 0 && line.running + this.#others(user) < this.#limits.perUser) this.#ready.add(user);
    else this.#ready.delete(user);
    if (line.waiting.size === 0 && line.running === 0) this.#users.delete(user);
  }

  #fill(): void {
    while (this.#running < this.#limits.total) {
      const [user] = this.#ready;
      if (user === undefined) return;
      const line = this.#users.get(user) as UserLine;
      const [start] = line.waiting;
      line.waiting.delete(start as () => void);
      line.running += 1;
      this.#running += 1;
      this.#waiting -= 1;
      // Behind the others, when there is more.
      this.#ready.delete(user);
      this.#look(user, line);
      (start as () => void)();
    }
  }
}
