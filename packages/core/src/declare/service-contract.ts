/**
 * The contract between a service and the engine: the methods that it may have, what they are given, and its options.
 */
import type { Clock } from '@muster/contracts';
import type { Health } from '../lifecycle/health.ts';

/** What `start()` is given. */
export interface StartContext {
  /** Aborted when the attempt's time is over or the app is stopping; its reason says which. */
  readonly signal: AbortSignal;
  /** When this attempt is given up, on the scale of `clock.monotonic()`, in milliseconds. */
  readonly deadline: number;
  readonly clock: Clock;
  /** Says how far the start has come; shown live at boot and in the dump. */
  progress(text: string): void;
  /** Says, at any time until the next `start()`, that the service has died: it counts as a crash at once. */
  fail(error: unknown): void;
}

/** What `run()` is given. */
export interface RunContext {
  /** Aborted when the service is being stopped. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What `check()` is given. */
export interface CheckContext {
  /** Aborted when the check's time is over. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What `drain()` and `stop()` are given. */
export interface StopContext {
  /** Aborted when the time for it is over. */
  readonly signal: AbortSignal;
  /** When the engine goes on without this service, on the scale of `clock.monotonic()`, in milliseconds. */
  readonly deadline: number;
  readonly clock: Clock;
  /** Why the app is stopping. */
  readonly reason: string;
}

/** The lifecycle that a service may have; every method is optional. */
export interface Service {
  /** Makes the service usable. Called again after a failed attempt, after `stop()`. */
  start?(ctx: StartContext): void | Promise<void>;
  /** A body that goes on while the service is up. A rejection is a crash, noticed at once; an end is none. */
  run?(ctx: RunContext): void | Promise<void>;
  /** Own health only, not that of what it depends on. Without it a started service counts as healthy and is shown as unchecked. */
  check?(ctx: CheckContext): Health | Promise<Health>;
  /** Takes no new work and finishes what is under way; called at the beginning of a stop, before anything is stopped. */
  drain?(ctx: StopContext): void | Promise<void>;
  /** Gives back what `start()` took. Must be idempotent; called if and only if `start()` was entered. */
  stop?(ctx: StopContext): void | Promise<void>;
}

/** How the engine treats a service. All times are in milliseconds. */
export interface ServiceOptions {
  readonly start?: {
    /** Time for one attempt; attempts go on until the boot budget ends. @default 15_000 */
    readonly timeoutMs?: number;
  };
  readonly health?: {
    /** Interval between checks. @default 5_000 */
    readonly everyMs?: number;
    /** Time for one check; longer is a failure. @default 1_000 */
    readonly timeoutMs?: number;
    /** Failures in a row that make it unhealthy. @default 3 */
    readonly failures?: number;
  };
  readonly restart?: {
    /** What makes the engine stop the service and start it again: `never`, a `crash`, or an `unhealthy` verdict as well. @default 'crash' */
    readonly when?: 'never' | 'crash' | 'unhealthy';
  };
  readonly stop?: {
    /** Time for `stop()`; then the walk goes on and the service is named as hung. @default 3_000 */
    readonly timeoutMs?: number;
  };
}
