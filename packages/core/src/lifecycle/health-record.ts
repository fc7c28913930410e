/**
 * The health of one service: what its verdicts add up to. Unknown and stale are never healthy.
 *
 * One failed probe changes nothing: thresholds turn verdicts of checks into a status. What a service says by itself
 * acts at once.
 */
import type { Health, HealthStatus } from './health.ts';

/** A verdict is stale after this many intervals that were due while the loop ran. */
export const STALE_AFTER = 3;
/** Successes in a row before a gate trusts a service again that was lost. */
const CONFIRMED_AFTER = 2;

export interface Thresholds {
  readonly failures: number;
  readonly successes: number;
}

/** How the last deep check went; `at` is on a monotonic clock. */
export interface DeepVerdict {
  /** `null` when it passed. */
  readonly reason: string | null;
  readonly at: number;
  readonly tookMs: number;
}

export class HealthRecord {
  readonly #thresholds: Thresholds;
  #status: HealthStatus = 'unknown';
  #reason: string | null = null;
  #at: number | null = null;
  #since: number | null = null;
  #failures = 0;
  #successes = 0;
  #unanswered = 0;
  #deep: DeepVerdict | undefined;

  constructor(thresholds: Thresholds) {
    this.#thresholds = thresholds;
  }

  /** What fails in the deep check is unhealthy, whatever it says of itself. */
  get status(): HealthStatus {
    return this.#hasFailedDeeply && this.#status !== 'unknown' ? 'unhealthy' : this.#status;
  }

  get reason(): string | null {
    return this.#hasFailedDeeply && this.#status !== 'unhealthy' ? `deep check: ${this.#deep?.reason}` : this.#reason;
  }

  /** How the last deep check went; `undefined` before the first. */
  get deep(): DeepVerdict | undefined {
    return this.#deep;
  }

  get #hasFailedDeeply(): boolean {
    return this.#deep !== undefined && this.#deep.reason !== null;
  }

  /** When the last verdict came, on a monotonic clock; `null` before the first. */
  get at(): number | null {
    return this.#at;
  }

  /** When the status last changed, on a monotonic clock; `null` before the first verdict. */
  get since(): number | null {
    return this.#since;
  }

  /** True while failed checks have not yet made a verdict, and after one: then checks come faster. */
  get isSuspect(): boolean {
    return this.#failures > 0 || this.#unanswered > 0 || this.#status === 'unhealthy';
  }

  /** True when enough successes in a row stand behind it that a gate may open for it again. */
  get isConfirmed(): boolean {
    return this.#successes >= CONFIRMED_AFTER;
  }

  /** Nothing is known any more: it is being started again. */
  forget(): void {
    this.#status = 'unknown';
    this.#reason = null;
    this.#failures = 0;
    this.#successes = 0;
    this.#unanswered = 0;
    this.#deep = undefined;
    this.#since = null;
  }

  /** The verdict of a deep check; acts at once. True when the status has changed. */
  noteDeep(verdict: DeepVerdict): boolean {
    const before = this.status;
    this.#deep = verdict;
    if (before === this.status) return false;
    this.#since = verdict.at;
    return true;
  }

  /** A verdict that acts at once: of a first check, or pushed by the service. True when the status has changed. */
  set(verdict: Health, now: number): boolean {
    const isFailure = verdict.status === 'unhealthy';
    this.#failures = isFailure ? this.#thresholds.failures : 0;
    this.#successes = isFailure ? 0 : this.#successes + 1;
    this.#unanswered = 0;
    return this.#take(verdict, now);
  }

  /** The verdict of a check. True when the status has changed. */
  note(verdict: Health, now: number): boolean {
    this.#unanswered = 0;
    if (verdict.status === 'unhealthy') {
      this.#successes = 0;
      this.#failures += 1;
      return this.#failures >= this.#thresholds.failures && this.#take(verdict, now);
    }
    this.#failures = 0;
    this.#successes += 1;
    if (this.#status === 'unhealthy' && this.#successes < this.#thresholds.successes) return false;
    return this.#take(verdict, now);
  }

  /** A check was due and gave no verdict that counts. True when that made the last verdict stale. */
  miss(): boolean {
    this.#unanswered += 1;
    if (this.#unanswered < STALE_AFTER) return false;
    this.#successes = 0;
    // The last verdict is as old as it was: that is the point.
    return this.#take({ status: 'unhealthy', reason: `no verdict for ${this.#unanswered} intervals: stale` }, this.#at);
  }

  #take(verdict: Health, now: number | null): boolean {
    const before = this.status;
    this.#at = now;
    this.#status = verdict.status;
    this.#reason = verdict.status === 'healthy' ? null : verdict.reason;
    if (before === this.status) return false;
    this.#since = now;
    return true;
  }
}
