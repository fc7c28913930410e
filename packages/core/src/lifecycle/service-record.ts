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

export class ServiceRecord {
  readonly #service: string;
  desired: 'up' | 'down' | null = null;
  #job: { -readonly [K in keyof Job]: Job[K] } | null = null;
  #waitMs: number | null = null;
  #upAt: number | null = null;
  #startMs: number | null = null;
  #checkMs: number | null = null;
  #hookMs: number | null = null;
  /** The last of them, for the timeline of a boot. */
  #failures: BootMoment[] | undefined;

  constructor(service: string) {
    this.#service = service;
  }

  /** Somebody wants something of it; what was wanted before is canceled. */
  want(desired: 'up' | 'down', kind: Job['kind'], cause: string): void {
    this.close('canceled');
    this.desired = desired;
    this.#job = { kind, cause, result: null };
  }

  /** How the job ended, if it had not ended before. */
  close(result: NonNullable<Job['result']>): void {
    if (this.#job !== null) this.#job.result ??= result;
  }

  /** All that it needs was there, so long after the start of the boot. */
  waited(ms: number): void {
    this.#waitMs ??= ms;
  }

  /** It came up at `now`. */
  up({ startMs, checkMs, hookMs }: BringUp, now: number): void {
    this.#upAt = now;
    this.#startMs = startMs;
    this.#checkMs = checkMs;
    this.#hookMs = hookMs;
  }

  /** An attempt failed, or it crashed, so long after the start of the boot. */
  failed(atMs: number, how: string, error: unknown): void {
    this.#failures ??= [];
    this.#failures.push({ atMs: Math.round(atMs), service: this.#service, what: `${how}: ${reasonOf(error)}` });
    if (this.#failures.length > MOMENTS) this.#failures.shift();
  }

  /** Its part of a dump; of a generation on its way the times so far. */
  times(now: BringUp | undefined): Pick<NodeSnapshot, 'desired' | 'job' | 'waitMs' | 'startMs' | 'checkMs' | 'hookMs'> {
    return {
      desired: this.desired,
      job: this.#job === null ? null : { ...this.#job },
      waitMs: this.#waitMs,
      startMs: now?.startMs ?? this.#startMs,
      checkMs: now?.checkMs ?? this.#checkMs,
      hookMs: now?.hookMs ?? this.#hookMs,
    };
  }

  /** What its last way up took, in milliseconds; 0 before. */
  get costMs(): number {
    return (this.#startMs ?? 0) + (this.#checkMs ?? 0) + (this.#hookMs ?? 0);
  }

  /** What happened to it in a boot that began at `startedAt`, for the timeline of one that failed. */
  story(startedAt: number): BootMoment[] {
    if (this.#waitMs === null) return [];
    const service = this.#service;
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
