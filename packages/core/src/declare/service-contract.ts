/**
 * The contract between a service and the engine: the methods that it may have, what they are given, and its options.
 */
import type { Clock } from '@muster/contracts';
import type { Permit } from '../lifecycle/gate.ts';
import type { Health } from '../lifecycle/health.ts';
import type { Principal } from '../principal.ts';
import type { Dependency } from './dependency.ts';

/** What `start()` is given. */
export interface StartContext {
  /** Aborted when the attempt's time is over or the app is stopping; its reason is a `MusterError` that says which. */
  readonly signal: AbortSignal;
  /** When this attempt is given up, on the scale of `clock.monotonic()`, in milliseconds. Moves with `progress`. */
  readonly deadline: number;
  readonly clock: Clock;
  /**
   * Says how far the start has come; shown live at boot and in the dump.
   *
   * `extendMs` asks for that much time from now on; the attempt ends at `start.maxMs` all the same.
   */
  progress(text: string, options?: { readonly extendMs?: number }): void;
  /** Says, at any time until the next `start()`, that the service has died: it counts as a crash at once. */
  fail(error: unknown): void;
  /** Says, at any time until the next `start()`, how the service is; acts at once, without thresholds. */
  report(health: Health): void;
  /** Of a leader service: a number higher than that of every leader before, for what it writes. 0 of any other. */
  readonly fence: number;
  /**
   * Of a leader service: aborted when its lease is over. The service is then stopped before anybody else may lead; ask
   * `lost.aborted` in the tick in which you act, which also tells a process that was paused past the end of its lease.
   */
  readonly lost: AbortSignal;
}

/** What `run()` is given. */
export interface RunContext {
  /** Aborted when the service is being stopped. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** As in `StartContext`. */
  fail(error: unknown): void;
  /** As in `StartContext`. */
  report(health: Health): void;
  /** As in `StartContext`. */
  readonly fence: number;
  /** As in `StartContext`. */
  readonly lost: AbortSignal;
}

/** What `check()` is given. */
export interface CheckContext {
  /** Aborted when the check's time is over. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/** What `probe()` is given. */
export interface ProbeContext {
  /** Aborted when the probe's time is over or the app is stopping. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** Whose work is tried: nobody's. No user can have this name. */
  readonly principal: Principal;
  /** Holds while the gate is closed as well, and for this principal alone. */
  readonly permit: Permit;
}

/** What a hook of `onReady` is given. */
export interface HookContext {
  /** Aborted when the attempt's time is over or the app is stopping. */
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
  /** Why it is being stopped. */
  readonly reason: string;
}

/** The lifecycle that a service may have; every method is optional. */
export interface Service {
  /** Makes the service usable. Called again after a failed attempt or a crash, after `stop()`. */
  start?(ctx: StartContext): void | Promise<void>;
  /** A body that goes on while the service is up. A rejection is a crash, noticed at once; an end is none. */
  run?(ctx: RunContext): void | Promise<void>;
  /** Own health only, not that of what it depends on. Without it a started service counts as healthy and is shown as unchecked. */
  check?(ctx: CheckContext): Health | Promise<Health>;
  /**
   * Tries the whole way that work takes, on nobody's behalf; returns when all of it has worked. Called first when the gate
   * has opened, so that no boot waits for it, and then every 30 s. Two throws in a row make the service unhealthy, which
   * closes the gate; the next success makes it healthy again.
   */
  probe?(ctx: ProbeContext): void | Promise<void>;
  /** Takes no new work and finishes what is under way; called at the beginning of a stop, before anything is stopped. */
  drain?(ctx: StopContext): void | Promise<void>;
  /** Gives back what `start()` took. Must be idempotent; called if and only if `start()` was entered. */
  stop?(ctx: StopContext): void | Promise<void>;
}

/** Something that is done once, at boot, and then over: when `start()` has ended the task has completed. */
export interface Task {
  start(ctx: StartContext): void | Promise<void>;
  /** Gives back what `start()` took, when the app stops. */
  stop?(ctx: StopContext): void | Promise<void>;
}

/** How the engine treats a service. All times are in milliseconds. */
export interface ServiceOptions {
  /** Order alone: start after these have come up or failed to, and stop before them. Those that are not part of the app are ignored. */
  readonly after?: readonly Dependency[];
  /**
   * True for an external system that all replicas use: once the gate has been open its loss degrades and closes no gate,
   * because all replicas closing at once is an outage of its own, and it never ends the process. @default false
   */
  readonly shared?: boolean;
  /**
   * `leader`: of all instances one runs it, under a lease; on the others it stands by, and what needs it is satisfied while
   * somebody leads. Where the store is not shared it runs here. @default every instance runs its own
   */
  readonly cluster?: 'leader';
  /** Shown in the dump. */
  readonly tags?: readonly string[];
  readonly start?: {
    /** Time for one attempt; attempts go on until the boot budget ends. @default 15_000 */
    readonly timeoutMs?: number;
    /** The longest that one attempt may get by `ctx.progress(text, { extendMs })`. @default 4 × timeoutMs */
    readonly maxMs?: number;
  };
  readonly health?: {
    /** Interval between checks; one second while the service is suspect. @default 5_000 */
    readonly everyMs?: number;
    /** Time for one check; longer is a failure. @default 1_000 */
    readonly timeoutMs?: number;
    /** Failures in a row that make it unhealthy. @default 3 */
    readonly failures?: number;
    /** Successes in a row that make it healthy again. @default 1 */
    readonly successes?: number;
    /** Whether it is ready while its own verdict is degraded. @default false */
    readonly degradedIsReady?: boolean;
    /**
     * Whether its start lasts until it is first well. False for what may long be unwell through no fault of its own: it runs
     * whatever it says, is not started anew for it, and whoever needs it waits. @default true
     */
    readonly awaited?: boolean;
  };
  readonly probe?: {
    /** Interval between calls of `probe()`; five seconds while it fails. @default 30_000 */
    readonly everyMs?: number;
    /** Time for one call; longer is a failure. @default 5_000 */
    readonly timeoutMs?: number;
  };
  readonly restart?: {
    /** What makes the engine stop the service and start it again: `never`, a `crash`, or an `unhealthy` verdict as well. @default 'crash' */
    readonly when?: 'never' | 'crash' | 'unhealthy';
    /** Failures in a row that are answered with a restart; one more escalates. @default 10 */
    readonly limit?: number;
    /** Longest pause before the first restart; doubled for each further one. The pause itself is random below it. @default 1_000 */
    readonly delayMs?: number;
    /** Longest pause before any restart. @default 30_000 */
    readonly capMs?: number;
  };
  readonly stop?: {
    /** Time for `stop()`; then the walk goes on and the service is named as hung. @default 3_000 */
    readonly timeoutMs?: number;
  };
}

/** How the engine treats a task. */
export type TaskOptions = Pick<ServiceOptions, 'after' | 'tags' | 'start' | 'stop'>;
