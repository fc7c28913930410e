/**
 * When a service that failed is tried again: quickly while the app boots, later with backoff and full jitter, or never.
 */
import { causeChain, type Random } from '@muster/contracts';
import { RestartPolicy } from './restart-policy.ts';
import type { ServiceIdentity } from './service-identity.ts';
import { SERVICE_DEFAULTS } from './service-settings.ts';

/** The bounds of a boot, on the scale of `clock.monotonic()`, in milliseconds. */
export interface BootBounds {
  readonly startedAt: number;
  readonly endsAt: number;
  readonly budgetMs: number;
}

export class RetryPlan {
  readonly #identity: ServiceIdentity;
  readonly #random: Random;
  /** Made when it has been up and failed. */
  #restarts: RestartPolicy | undefined;
  #tries = 0;

  constructor(identity: ServiceIdentity, random: Random) {
    this.#identity = identity;
    this.#random = random;
  }

  /** Failures in a row since it was first up. */
  get failures(): number {
    return this.#restarts?.failures ?? 0;
  }

  /** Notes at `now` whether it is up and healthy. */
  stands(isUp: boolean, now: number): void {
    this.#restarts?.stands(isUp, now);
  }

  /**
   * How long after a failure at `now` until the next attempt, in milliseconds; `null` when none is made.
   *
   * @param boot bounds of the boot, for what has never been up in it.
   */
  next(error: unknown, now: number, boot: BootBounds | undefined): number | null {
    const {
      node: { essential, shared },
      settings,
    } = this.#identity;
    if (boot !== undefined) {
      if (isFatal(error)) return null;
      const pauseMs = Math.min(SERVICE_DEFAULTS.backoffMs * 2 ** this.#tries, SERVICE_DEFAULTS.backoffCapMs);
      this.#tries += 1;
      return essential && now + pauseMs >= boot.endsAt ? null : pauseMs;
    }
    this.#restarts ??= new RestartPolicy(this.#random, settings, shared || !essential);
    const pauseMs = this.#restarts.failed(now);
    return isFatal(error) || settings.restartWhen === 'never' ? null : pauseMs;
  }
}

/** True when trying again cannot help. */
export function isFatal(error: unknown): boolean {
  return [...causeChain(error)].some((cause) => (cause as { fatal?: unknown }).fatal === true);
}
