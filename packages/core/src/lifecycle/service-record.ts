/**
 * What is remembered of one service for people: what is wanted of it, what was last done with it, and how long that took.
 *
 * Nothing is decided by it.
 */
import type { Job } from '@muster/contracts';
import type { NodeSnapshot } from '../graph/dump.ts';
import { reasonOf } from '../redact.ts';
import type { BringUp } from './bring-up.ts';
import type { BootMoment } from './bootstrap-error.ts';

/** How many failures of one boot are kept for its timeline. */
const MOMENTS = 20;

/** What is wanted of every service of a boot, and what has become of it for nearly all: one object for all of them. */
export const BOOT: Job = openJob('start', 'boot');
const BOOTED: Job = { ...BOOT, result: 'done' };

/** A job that has not ended. */
export function openJob(kind: Job['kind'], cause: string): Job {
  return { kind, cause, result: null };
}

export class ServiceRecord {
  desired: 'up' | 'down' | null = null;
  #job: Job | null = null;
  #waitMs: number | null = null;
  #upAt: number | null = null;
  #startMs: number | null = null;
  #checkMs: number | null = null;
  #hookMs: number | null = null;
  /** The last of them, for the timeline of a boot. */
  #failures: BootMoment[] | undefined;

  /** Somebody wants something of it, and what was wanted before no more. */
  want(desired: 'up' | 'down', job: Job): void {
    this.desired = desired;
    this.#job = job;
  }

  /** How the job ended, if it had not ended before. */
  close(result: NonNullable<Job['result']>): void {
    if (this.#job === null || this.#job.result !== null) return;
    this.#job = this.#job === BOOT && result === 'done' ? BOOTED : { ...this.#job, result };
  }

  /** All that it needs was there, so long after the start of the boot. */
  waited(ms: number): void {
    this.#waitMs ??= ms;
  }

  /**
   * It came up at `now`.
   *
   * @param isBoot true while the boot goes on: what a later start takes is none of its times.
   */
  up({ startMs, checkMs, hookMs }: BringUp, now: number, isBoot: boolean): void {
    this.#upAt = now;
    if (!isBoot && this.#startMs !== null) return;
    this.#startMs = startMs;
    this.#checkMs = checkMs;
    this.#hookMs = hookMs;
  }

  /** An attempt failed, or it crashed, so long after the start of the boot. */
  failed(service: string, atMs: number, how: string, error: unknown): void {
    this.#failures ??= [];
    this.#failures.push({ atMs: Math.round(atMs), service, what: `${how}: ${reasonOf(error)}` });
    if (this.#failures.length > MOMENTS) this.#failures.shift();
  }

  /** Its part of a dump; of a generation on its way in the boot, or of the first one, the times so far. */
  times(
    onItsWay: BringUp | undefined,
    isBoot: boolean,
  ): Pick<NodeSnapshot, 'desired' | 'job' | 'waitMs' | 'startMs' | 'checkMs' | 'hookMs'> {
    const now = isBoot || this.#startMs === null ? onItsWay : undefined;
    return {
      desired: this.desired,
      job: this.#job,
      waitMs: this.#waitMs,
      startMs: now?.startMs ?? this.#startMs,
      checkMs: now?.checkMs ?? this.#checkMs,
      hookMs: now?.hookMs ?? this.#hookMs,
    };
  }

  /** What its way up took in the boot, or the first one after it, in milliseconds; 0 before. */
  get costMs(): number {
    return (this.#startMs ?? 0) + (this.#checkMs ?? 0) + (this.#hookMs ?? 0);
  }

  /** What happened to it in a boot that began at `startedAt`, for the timeline of one that failed. */
  story(service: string, startedAt: number): BootMoment[] {
    if (this.#waitMs === null) return [];
    const began = { atMs: Math.round(this.#waitMs), service, what: 'starts' };
    const failures = this.#failures ?? [];
    if (this.#upAt === null) return [began, ...failures];
    const up = {
      atMs: Math.round(this.#upAt - startedAt),
      service,
      what: `is up after ${Math.round(this.costMs)} ms`,
    };
    return [began, ...failures, up];
  }
}
