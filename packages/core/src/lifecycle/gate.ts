/**
 * The one door between "services are healthy" and "clients are served".
 *
 * `enter()` is the only maker of a `Permit`, and everything that talks to a client asks for one,
 * so serving before readiness is not a mistake that a caller can write.
 */
import { StateMachine, type Timer } from '@muster/contracts';
import { coreError } from '../errors.ts';
import { isThenable } from '../thenable.ts';
import { Dwell } from './dwell.ts';
import { GATE, type GateState } from './gate-state.ts';
import type { Surroundings } from './surroundings.ts';

declare const permitted: unique symbol;

/** Proof that every dependency was healthy when it was issued; `live` says whether that still holds. */
export interface Permit {
  readonly [permitted]: true;
  readonly live: boolean;
  /** True of the engine's own: it holds while the gate is closed, and only for the user of deep checks. */
  readonly isForProbes: boolean;
}

export interface GateOptions {
  /** How long `enter()` may wait for readiness, in milliseconds; 0 refuses at once. @default 10_000 */
  readonly holdMs?: number;
  /** How many may wait at the same time; one more is refused at once. @default 1_000 */
  readonly maxHeld?: number;
  /** How long everything must have been ready before a gate that was open opens again, in milliseconds. @default 2_000 */
  readonly dwellMs?: number;
  /** What the dwell of a flapping gate grows to, in milliseconds. @default 60_000 */
  readonly maxDwellMs?: number;
  /** Those who waited are admitted at random moments within so many milliseconds of a reopening. @default 500 */
  readonly jitterMs?: number;
}

export const GATE_DEFAULTS = {
  holdMs: 10_000,
  maxHeld: 1_000,
  dwellMs: 2_000,
  maxDwellMs: 60_000,
  jitterMs: 500,
} as const;

/** When an opening that failed is tried again at the earliest, in milliseconds. */
const RETRY_MS = 1_000;

/** What the gate guards, as it stands now. */
export interface Guarded {
  ready(): boolean;
  /** Whether what was lost and is ready again has proved it. */
  confirmed(): boolean;
  /** Root causes only. */
  blockedBy(): readonly string[];
}

/** What everybody but the engine sees of a gate. */
export interface Door {
  readonly state: GateState;
  readonly blockedBy: readonly string[];
  /** How long `enter()` waits, in milliseconds. */
  readonly holdMs: number;
  /** True when so many wait that the next one is refused at once. */
  readonly isFull: boolean;
  enter(signal?: AbortSignal): Promise<Permit>;
  /** Calls `listener` after every move, with the root causes where it has closed; the returned function ends it. */
  onMove(listener: (state: GateState, causes: readonly string[]) => void): () => void;
}

interface Held {
  readonly until: number;
  /** Its turn, where not all are admitted at once. */
  later?: Timer;
  admit(): void;
  refuse(error: unknown): void;
}

export class Gate implements Door {
  readonly #name: string;
  readonly #guarded: Guarded;
  readonly #around: Surroundings;
  readonly #options: Required<GateOptions>;
  readonly #open: () => void | Promise<void>;
  readonly #machine: StateMachine<typeof GATE>;
  readonly #held = new Set<Held>();
  readonly #listeners = new Set<(state: GateState, causes: readonly string[]) => void>();
  readonly #dwell: Dwell;
  #isFrozen = false;
  #retry: Timer | undefined;
  #generation = 0;
  #failure: unknown;
  /** How often it has begun to open: what an earlier opening comes to is nobody's business any more. */
  #openings = 0;
  /** Everything behind the gate is there, and nobody knows yet how things stand. */
  #isMade = false;
  #waiting: (() => void)[] = [];
  #issued: { readonly generation: number; readonly permit: Permit } | undefined;

  /** @param open makes what stands behind the gate; a throw closes it again and is kept in `failure`. */
  constructor(
    name: string,
    guarded: Guarded,
    around: Surroundings,
    options: GateOptions = {},
    open: () => void | Promise<void> = () => {},
  ) {
    this.#name = name;
    this.#guarded = guarded;
    this.#around = around;
    this.#options = gateOptions(name, options);
    this.#open = open;
    this.#dwell = new Dwell(around.clock, this.#options, () => this.follow());
    this.#machine = new StateMachine(`gate ${name}`, GATE, 'closed', {
      moved: ({ from, event, to }) => this.#tellMove(from, event, to),
    });
  }

  get state(): GateState {
    return this.#machine.state;
  }

  get holdMs(): number {
    return this.#options.holdMs;
  }

  get blockedBy(): readonly string[] {
    return this.state === 'open' ? [] : this.#guarded.blockedBy();
  }

  /** How many wait now. */
  get heldCount(): number {
    return this.#held.size;
  }

  get isFull(): boolean {
    return this.#held.size >= this.#options.maxHeld;
  }

  /** What the last opening failed with. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Resolves when it is not opening any more, however that ended; at once where it is not opening. */
  async settled(): Promise<void> {
    while (this.state === 'opening') await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  onMove(listener: (state: GateState, causes: readonly string[]) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /** Keeps the gate as it is while nobody knows how things stand; afterwards it follows again. */
  freeze(isFrozen: boolean): void {
    this.#isFrozen = isFrozen;
    if (!isFrozen) this.follow();
  }

  /** Brings the gate in line with what it guards; called by the engine after every change. */
  follow(): void {
    if (this.#isFrozen || this.state === 'stopped') return;
    const ready = this.#guarded.ready();
    if (this.state === 'open' && !ready) {
      this.#dwell.closed();
      this.#machine.send('unready');
    } else if (this.state === 'opening') {
      if (!ready) this.#machine.send('unready');
      else if (this.#isMade) this.#made();
    } else if (this.state === 'closed' && !ready) {
      this.#dwell.reset();
    } else if (
      this.state === 'closed' &&
      this.#dwell.isOver() &&
      (this.#generation === 0 || this.#guarded.confirmed())
    ) {
      this.#goOpen();
    }
  }

  /** For ever closed; everybody who waits is refused. */
  stop(): void {
    if (this.state === 'stopped') return;
    this.#dwell.reset();
    this.#retry?.cancel();
    this.#machine.send('stop');
    for (const held of this.#held) held.refuse(coreError('GATE_STOPPED', {}));
  }

  /**
   * Resolves at once while open, else when the gate opens.
   *
   * @throws MusterError `GATE_CLOSED` after `holdMs`; `details.waitingFor` names the root causes.
   * @throws MusterError `GATE_FULL` when `maxHeld` others wait; `GATE_STOPPED` once the app is stopping.
   * @throws the signal's reason when it is aborted.
   */
  async enter(signal?: AbortSignal): Promise<Permit> {
    const until = this.#around.clock.monotonic() + this.holdMs;
    while (this.state !== 'open') {
      // Looked at again after every wait: it may have closed meanwhile.
      if (this.state === 'stopped') throw coreError('GATE_STOPPED', {});
      await this.#hold(until, signal);
    }
    if (signal?.aborted === true) throw signal.reason;
    return this.#permit();
  }

  #tellMove(from: string, event: string, to: GateState): void {
    const { clock, events } = this.#around;
    const causes = to === 'closed' ? this.#guarded.blockedBy() : [];
    events.emit({ type: 'moved', machine: 'gate', subject: this.#name, from, event, to, at: clock.now() });
    if (from === 'open' && to === 'closed') {
      events.emit({ type: 'gate-closed', gate: this.#name, causes, dwellMs: this.#dwell.ms, at: clock.now() });
    }
    for (const listener of this.#listeners) this.#tell(listener, to, causes);
    if (from === 'opening') for (const settled of this.#waiting.splice(0)) settled();
  }

  /** A listener that throws must not keep the gate from moving, or another from hearing of it. */
  #tell(
    listener: (state: GateState, causes: readonly string[]) => void,
    state: GateState,
    causes: readonly string[],
  ): void {
    try {
      listener(state, causes);
    } catch (error) {
      const { events, clock } = this.#around;
      events.emit({ type: 'fault', component: 'gate listener', correlation: null, error, at: clock.now() });
    }
  }

  #goOpen(): void {
    this.#openings += 1;
    this.#isMade = false;
    const opening = this.#openings;
    this.#machine.send('ready');
    // Told of the move, somebody may have stopped the gate: then nothing is made behind it any more.
    if (!this.#is('opening')) return;
    const isOver = (): boolean => opening !== this.#openings || !this.#is('opening');
    try {
      const making = this.#open();
      if (isThenable<void, Promise<void>>(making)) {
        making.then(
          () => isOver() || this.#made(),
          (error: unknown) => this.#openingFailed(error, isOver()),
        );
        return;
      }
    } catch (error) {
      this.#openingFailed(error, isOver());
      return;
    }
    if (!isOver()) this.#made();
  }

  /** Everything behind the gate is ready; a gate that is frozen waits for what the round of checks says. */
  #made(): void {
    this.#isMade = true;
    if (this.#isFrozen) return;
    this.#failure = undefined;
    // What was made may have changed readiness in the same tick.
    if (!this.#guarded.ready()) {
      this.#machine.send('unready');
      return;
    }
    const isFirst = this.#generation === 0;
    this.#generation += 1;
    this.#dwell.opened();
    this.#machine.send('resolved');
    for (const held of this.#held) this.#admit(held, isFirst ? 0 : this.#around.random.next() * this.#options.jitterMs);
  }

  /** What stands behind it could not be made: it is told, and tried again after the dwell. */
  #openingFailed(error: unknown, isOver: boolean): void {
    const { clock, events } = this.#around;
    this.#failure = error;
    if (isOver) return;
    this.#machine.send('failed');
    events.emit({
      type: 'fault',
      component: `opening of gate ${this.#name}`,
      correlation: null,
      error,
      at: clock.now(),
    });
    if (this.#generation === 0) return;
    this.#retry = clock.schedule(Math.max(RETRY_MS, this.#dwell.ms), () => this.follow());
  }

  /** Asked as a function, because listeners of a move may move the gate on. */
  #is(state: GateState): boolean {
    return this.state === state;
  }

  /** At once, or a moment later, so that those who waited together do not all come together. */
  #admit(held: Held, afterMs: number): void {
    const { clock } = this.#around;
    const left = held.until - clock.monotonic();
    if (afterMs === 0 || left <= afterMs) held.admit();
    else held.later = clock.schedule(afterMs, () => held.admit());
  }

  #hold(until: number, signal: AbortSignal | undefined): Promise<void> {
    const left = until - this.#around.clock.monotonic();
    const closed = (): Error =>
      coreError('GATE_CLOSED', { waitedMs: this.holdMs, waitingFor: this.#guarded.blockedBy() });
    if (left <= 0) return Promise.reject(closed());
    if (this.#held.size >= this.#options.maxHeld) {
      return Promise.reject(coreError('GATE_FULL', { held: this.#held.size, waitingFor: this.#guarded.blockedBy() }));
    }
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const end = (): void => {
        timer?.cancel();
        held.later?.cancel();
        this.#held.delete(held);
        signal?.removeEventListener('abort', onAbort);
      };
      const held: Held = {
        until,
        admit: () => {
          end();
          resolve();
        },
        refuse: (error) => {
          end();
          reject(error);
        },
      };
      const onAbort = (): void => held.refuse(signal?.reason);
      timer = this.#around.clock.schedule(left, () => held.refuse(closed()));
      this.#held.add(held);
      if (signal?.aborted === true) onAbort();
      else signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  /** The same for everybody who enters between an opening and the next: what it says is the same for all. */
  #permit(): Permit {
    const generation = this.#generation;
    if (this.#issued?.generation !== generation) {
      const isLive = (): boolean => this.state === 'open' && this.#generation === generation;
      this.#issued = { generation, permit: permitFor(isLive, false) };
    }
    return this.#issued.permit;
  }

  /** For the engine alone: what has closed the gate must be able to prove that it is back. */
  probePermit(): Permit {
    return permitFor(() => this.state !== 'stopped', true);
  }
}

function permitFor(isLive: () => boolean, isForProbes: boolean): Permit {
  return Object.freeze({
    get live() {
      return isLive();
    },
    isForProbes,
  }) as Permit;
}

function gateOptions(name: string, options: GateOptions): Required<GateOptions> {
  for (const [option, value] of Object.entries(options)) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 0)) {
      const expected = 'a number that is not negative';
      throw coreError('OPTION_INVALID', { option: `${option} of the gate ${name}`, expected, got: String(value) });
    }
  }
  return { ...GATE_DEFAULTS, ...options };
}
