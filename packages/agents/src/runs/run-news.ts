/** What those who watch the app are told of one run: that there is one, its moves, its tool calls, and its end. Its user reads the log. */
import type { Clock, EventData, MoveObserver, MusterError, TransitionTable } from '@muster/contracts';
import type { Interceptor, RuntimeEvent, RuntimeEvents } from '@muster/core';

type Of<T extends RuntimeEvent['type']> = Extract<RuntimeEvent, { type: T }>;

/** Whose run it is. */
export type AboutRun = Pick<Of<'run-begun'>, 'run' | 'agent' | 'user' | 'thread' | 'stream' | 'parent' | 'connection'>;

export class RunNews {
  readonly #about: AboutRun;
  readonly #events: RuntimeEvents;
  readonly #clock: Clock;
  #isLateTold = false;

  constructor(about: AboutRun, events: RuntimeEvents, clock: Clock) {
    this.#about = about;
    this.#events = events;
    this.#clock = clock;
  }

  /** @param offset of its first event */
  begun(offset: number): void {
    this.#events.emit({ type: 'run-begun', ...this.#about, offset, isResumed: false, at: this.#clock.now() });
  }

  /** It is this process's after another has carried it, and belongs to what that has said. */
  resumed(traceparent: string | undefined, interceptor: Interceptor | undefined): void {
    const begun = (): void =>
      this.#events.emit({ type: 'run-begun', ...this.#about, offset: null, isResumed: true, at: this.#clock.now() });
    if (traceparent === undefined || interceptor === undefined) begun();
    else interceptor.within(traceparent, begun);
  }

  /** It is carried here no more, though it was not ended here. */
  left(): void {
    const { run, agent } = this.#about;
    this.#events.emit({ type: 'run-left', run, agent, at: this.#clock.now() });
  }

  toolEnded(call: Omit<Of<'tool-ended'>, 'type' | 'run' | 'connection' | 'at'>): void {
    const { run, connection } = this.#about;
    this.#events.emit({ type: 'tool-ended', run, connection, ...call, at: this.#clock.now() });
  }

  ended(end: Omit<Of<'run-ended'>, 'type' | 'run' | 'connection' | 'agent' | 'at'>): void {
    const { run, agent, connection } = this.#about;
    this.#events.emit({ type: 'run-ended', run, connection, agent, ...end, at: this.#clock.now() });
  }

  /** It has the terminal that was written in place of the process that carried it. */
  closed({ status, by, code, count, durationMs }: EventData<'agent_completed'>, offset: number): void {
    this.ended({ status, by, code: code ?? null, events: count, offset, durationMs, appendMs: 0 });
  }

  /** Something was emitted after its end, when nobody carries it who could be told. Once is enough. */
  late(error: MusterError): void {
    if (this.#isLateTold) return;
    this.#isLateTold = true;
    const { run } = this.#about;
    const at = this.#clock.now();
    this.#events.emit({ type: 'fault', component: 'run recorder', correlation: run, run, error, at });
  }

  /** The observer of a state machine of the run. */
  moves<T extends TransitionTable>(machine: 'run' | 'tool', subject: string): MoveObserver<T> {
    return {
      moved: ({ from, event, to }) => {
        if (from !== to) this.#events.emit({ type: 'moved', machine, subject, from, event, to, at: this.#clock.now() });
      },
    };
  }
}
