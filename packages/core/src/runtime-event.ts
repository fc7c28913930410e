/**
 * Everything that happens in the framework, as one sealed union of typed events.
 *
 * The framework never logs: it emits these, and reporters render them, for people or for machines.
 */
import type { MusterError } from '@muster/contracts';
import { EventEmitter } from 'eventemitter3';

/** `at` is wall time in milliseconds since 1970; durations are in milliseconds. */
export type RuntimeEvent =
  /** A state machine moved along its table. */
  | {
      readonly type: 'moved';
      readonly machine: 'service' | 'gate' | 'factory' | 'connection' | 'run' | 'tool';
      readonly subject: string;
      readonly from: string;
      readonly event: string;
      readonly to: string;
      readonly at: number;
    }
  | { readonly type: 'boot-started'; readonly services: readonly string[]; readonly at: number }
  | { readonly type: 'boot-completed'; readonly wallMs: number; readonly at: number }
  | { readonly type: 'boot-failed'; readonly error: MusterError; readonly at: number }
  /** Somebody waits: repeated at 1, 2, 5, 10 … seconds of a boot. */
  | {
      readonly type: 'waiting';
      readonly elapsedMs: number;
      /** What the gate waits for: root causes only. */
      readonly blockedBy: readonly string[];
      /** Who has not begun to start, and what each of them waits for. */
      readonly waiting: readonly { readonly service: string; readonly blockedBy: readonly string[] }[];
      readonly at: number;
    }
  | { readonly type: 'progress'; readonly service: string; readonly text: string; readonly at: number }
  /** `retryInMs` is null when no further attempt is made. */
  | {
      readonly type: 'attempt-failed';
      readonly service: string;
      readonly attempt: number;
      readonly error: MusterError;
      readonly retryInMs: number | null;
      readonly at: number;
    }
  | {
      readonly type: 'health-changed';
      readonly service: string;
      readonly from: string;
      readonly to: string;
      readonly reason: string | null;
      readonly at: number;
    }
  /** A deep check of a service; only what fails twice in a row has `failed`. */
  | {
      readonly type: 'deep-check';
      readonly service: string;
      readonly verdict: 'begun' | 'passed' | 'failed';
      readonly at: number;
    }
  /** What a running service can do without has gone or come back; `by` is empty when nothing is missing any more. */
  | { readonly type: 'degraded'; readonly service: string; readonly by: readonly string[]; readonly at: number }
  /** Another instance has configured a factory otherwise; told once for each configuration. */
  | { readonly type: 'configuration-differs'; readonly factory: string; readonly instance: string; readonly at: number }
  /** An open gate has closed; `causes` are root causes only, and it stays closed for `dwellMs` after they are gone. */
  | {
      readonly type: 'gate-closed';
      readonly gate: string;
      readonly causes: readonly string[];
      readonly dwellMs: number;
      readonly at: number;
    }
  /** The process stood still; no gate moves before one round of checks. */
  | { readonly type: 'lagged'; readonly lagMs: number; readonly at: number }
  /** A service died; `restartInMs` is null when it is not started again. */
  | {
      readonly type: 'crashed';
      readonly service: string;
      readonly error: unknown;
      readonly failures: number;
      readonly restartInMs: number | null;
      readonly at: number;
    }
  /** A required service died for good: the app stops, and the process should end with exit code 70. */
  | { readonly type: 'escalated'; readonly service: string; readonly error: unknown; readonly at: number }
  | { readonly type: 'listening'; readonly address: string; readonly at: number }
  /** The app can be looked at there. */
  | { readonly type: 'inspecting'; readonly address: string; readonly at: number }
  /** A run has begun to exist here, or goes on here after another process has carried it. */
  | {
      readonly type: 'run-begun';
      readonly run: string;
      readonly agent: string;
      readonly user: string;
      readonly thread: string;
      /** Where its events go, as the log knows it. */
      readonly stream: string;
      /** Of its first event; `null` of one that goes on here. */
      readonly offset: number | null;
      /** The run that asked for it. */
      readonly parent: string | null;
      /** Over which it was asked for; `null` of one that goes on here, or that nobody asked for over a connection. */
      readonly connection: string | null;
      /** It goes on here, or is ended here, in place of a process that has gone. */
      readonly isResumed: boolean;
      readonly at: number;
    }
  /** A tool call has its end; `durationMs` is that of the call. */
  | {
      readonly type: 'tool-ended';
      readonly run: string;
      readonly connection: string | null;
      readonly callId: string;
      readonly tool: string;
      readonly status: string;
      readonly durationMs: number;
      readonly at: number;
    }
  /** A run is carried here no more, and its terminal was not written here: another process has it, or the log did not take it. */
  | { readonly type: 'run-left'; readonly run: string; readonly agent: string; readonly at: number }
  /** The terminal of a run is in the log; `events` is how many there are with it. */
  | {
      readonly type: 'run-ended';
      readonly run: string;
      readonly connection: string | null;
      readonly agent: string;
      readonly status: string;
      readonly by: string;
      readonly code: string | null;
      readonly events: number;
      /** Of the terminal. */
      readonly offset: number;
      readonly durationMs: number;
      /** From the making of the terminal until it was in the log. */
      readonly appendMs: number;
      readonly at: number;
    }
  | { readonly type: 'stop-started'; readonly reason: string; readonly at: number }
  | { readonly type: 'stop-failed'; readonly service: string; readonly error: unknown; readonly at: number }
  | {
      readonly type: 'stop-completed';
      readonly order: readonly string[];
      readonly hung: readonly string[];
      readonly wallMs: number;
      readonly at: number;
    }
  /** A client was told that something of its own was wrong; `correlation` stands in the frame that it got. */
  | {
      readonly type: 'client-error';
      readonly connection: string;
      readonly code: string;
      readonly correlation: string;
      readonly at: number;
    }
  /** A failure that no caller is there to be told of; `correlation` also stands in the frame that its user got. */
  | {
      readonly type: 'fault';
      readonly component: string;
      readonly correlation: string | null;
      /** Where it was of one. */
      readonly run?: string;
      readonly connection?: string;
      readonly error: unknown;
      readonly at: number;
    };

/** Where runtime events come out; inject it to listen or to emit. */
export class RuntimeEvents {
  readonly #emitter = new EventEmitter<{ event: [RuntimeEvent]; fault: [unknown] }>();

  /** Tells every listener; one that throws does not keep the others from hearing it. */
  emit(event: RuntimeEvent): void {
    this.#emitter.emit('event', event);
  }

  /** Calls `listener` for every event from now on; the returned function ends it. */
  on(listener: (event: RuntimeEvent) => void): () => void {
    const guarded = (event: RuntimeEvent): void => {
      try {
        listener(event);
      } catch (error) {
        this.#emitter.emit('fault', error);
      }
    };
    this.#emitter.on('event', guarded);
    return () => {
      this.#emitter.off('event', guarded);
    };
  }

  /** Calls `listener` with whatever a listener of `on` threw. */
  onListenerFault(listener: (error: unknown) => void): void {
    this.#emitter.on('fault', listener);
  }
}
