/**
 * The system's clock and randomness: the only place in this package that touches either.
 *
 * Also the two things that are always built on a clock, waiting and giving up, so that nobody writes them again.
 */
import type { Clock as ClockPort, Random as RandomPort, Timer } from '@muster/contracts';
import { token } from './declare/dependency.ts';

/** Inject this to tell the time; tests give a fake one to the app. */
export interface Clock extends ClockPort {}
export const Clock = token<Clock>('Clock');

/** Inject this for randomness; tests give a seeded one to the app. */
export interface Random extends RandomPort {}
export const Random = token<Random>('Random');

/** Not `performance.now()`, which loads a module of Node's at its first use and shows in a cold start. */
function monotonic(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic,
  schedule(delayMs, callback) {
    // A delay above 2^31-1 would fire at once; such a timer is set again until its time has come.
    const due = monotonic() + delayMs;
    let timer = setTimeout(
      function fire() {
        const left = due - monotonic();
        if (left > 1) timer = setTimeout(fire, Math.min(left, 2 ** 31 - 1));
        else callback();
      },
      Math.min(delayMs, 2 ** 31 - 1),
    );
    return { cancel: () => clearTimeout(timer) };
  },
};

export const systemRandom: Random = {
  next: () => Math.random(),
  uuid: () => crypto.randomUUID(),
};

/** Resolves after `ms`; rejects with the signal's reason as soon as that is aborted. */
export function sleep(clock: ClockPort, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal?.reason);
    };
    const timer = clock.schedule(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** How a bounded piece of work is cut short. */
export interface Bound {
  readonly clock: ClockPort;
  /** Time for the work, in milliseconds. */
  readonly timeoutMs: number;
  /** Made into the rejection when the time is over. */
  readonly onTimeout: () => Error;
  /** Cuts the work short from outside. */
  readonly signal?: AbortSignal | undefined;
  /** Told when work that was given up succeeds after all. */
  readonly onLate?: () => void;
}

/**
 * Runs `work` until it ends, its time is over or the outer signal is aborted, whichever is first.
 *
 * The work's own signal is aborted with the same reason, but its cooperation is not needed: this is a race.
 * The outer signal is linked by hand and unlinked at the end, because `AbortSignal.any` keeps what it is given alive.
 */
export async function bounded<T>(bound: Bound, work: (signal: AbortSignal) => T | Promise<T>): Promise<T> {
  const { clock, timeoutMs, onTimeout, signal, onLate } = bound;
  if (signal?.aborted === true) throw signal.reason;
  const controller = new AbortController();
  let settled = false;
  let onAbort: (() => void) | undefined;
  let timer: Timer | undefined;
  const cut = new Promise<never>((_, reject) => {
    const give = (reason: unknown): void => {
      if (settled) return;
      settled = true;
      controller.abort(reason);
      reject(reason);
    };
    onAbort = () => give(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    timer = clock.schedule(timeoutMs, () => give(onTimeout()));
  });
  // Called in this tick; a synchronous throw becomes a rejection like any other.
  const running = (async () => work(controller.signal))();
  running.then(
    () => {
      if (settled) onLate?.();
    },
    () => {
      // The race reports a rejection in time; one that comes late belongs to work already given up.
    },
  );
  try {
    return await Promise.race([running, cut]);
  } finally {
    settled = true;
    timer?.cancel();
    if (onAbort) signal?.removeEventListener('abort', onAbort);
  }
}

/** Wall time as people and machines read it, in UTC: `2026-01-31T00:00:00.000Z`. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}
