/**
 * State machines as data: a table says which event leads from which state to which, and one small class walks it.
 *
 * State moves nowhere else. An event that the table does not have in the present state throws and is counted.
 */
import { contractError } from './errors.ts';

/** For each state, the events it accepts and the state each leads to. A state without events is final. */
export type TransitionTable = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The names of a table's states. */
export type StateOf<T extends TransitionTable> = keyof T & string;

/** The names of the events that any state of the table accepts. */
export type EventOf<T extends TransitionTable> = { [S in keyof T]: keyof T[S] & string }[keyof T];

/** One move, told to the observer after the state has changed. */
export interface Transition<T extends TransitionTable> {
  readonly from: StateOf<T>;
  readonly event: EventOf<T>;
  readonly to: StateOf<T>;
}

/** Told of moves; a method and not a function, because there are machines by the ten thousand. */
export interface MoveObserver<T extends TransitionTable> {
  moved(move: Transition<T>): void;
}

/** Walks one table. */
export class StateMachine<T extends TransitionTable> {
  readonly #name: string;
  readonly #table: T;
  readonly #observer: MoveObserver<T> | undefined;
  #state: StateOf<T>;
  #illegal = 0;

  /** @param name what the machine belongs to, for error texts: `connection 4f…`. */
  constructor(name: string, table: T, initial: StateOf<T>, observer?: MoveObserver<T>) {
    this.#name = name;
    this.#table = table;
    this.#state = initial;
    this.#observer = observer;
  }

  get state(): StateOf<T> {
    return this.#state;
  }

  /** How often an event was refused; anything above zero is a bug in the caller. */
  get illegalMoves(): number {
    return this.#illegal;
  }

  /** True when `event` is legal now. */
  can(event: EventOf<T>): boolean {
    return this.#table[this.#state]?.[event] !== undefined;
  }

  /**
   * Moves along `event` and returns the new state.
   *
   * @throws MusterError `ILLEGAL_TRANSITION` when the present state does not accept the event; the state stays.
   */
  send(event: EventOf<T>): StateOf<T> {
    const from = this.#state;
    const to = this.#table[from]?.[event] as StateOf<T> | undefined;
    if (to === undefined) {
      this.#illegal += 1;
      const legal = Object.keys(this.#table[from] ?? {});
      throw contractError('ILLEGAL_TRANSITION', { machine: this.#name, state: from, event, legal });
    }
    this.#state = to;
    this.#observer?.moved({ from, event, to });
    return to;
  }
}
