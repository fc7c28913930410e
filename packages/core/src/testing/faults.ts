/**
 * Faults at named points of an app under test: `Database.start` fails twice, `Database.check` hangs, `Cache.stop` is slow.
 *
 * A point is the id of a service and one of its lifecycle methods. What is not told to fail behaves as it is.
 */
import type { Clock } from '@muster/contracts';
import { sleep } from '../clock.ts';
import { coreError } from '../errors.ts';
import { nearest } from '../graph/nearest.ts';
import { LIFECYCLE } from '../graph/provider.ts';

/** What happens at one call: nothing special, or something before or instead of it. */
type Plan = (call: () => unknown, clock: Clock) => unknown;

/** What to do to a point. Each call replaces what was said before. */
export interface Fault {
  /** The next `times` calls throw `error`. @default 1, and an Error that names the point */
  fail(times?: number, error?: unknown): void;
  /** Calls do not end, until `clear()`. */
  hang(): void;
  /** Calls begin only after `ms` milliseconds of the app's clock. */
  slow(ms: number): void;
  /** Calls work `well` times, then throw `ill` times, and so on. */
  flap(well?: number, ill?: number): void;
  /** The point behaves again; what hung goes on. */
  clear(): void;
}

/** Give one to `startTestApp`, and tell it what goes wrong where, before the start or at any time after it. */
export class Faults {
  readonly #plans = new Map<string, Plan>();
  readonly #hanging = new Map<string, Set<() => void>>();
  #known: ReadonlySet<string> | undefined;

  /**
   * A point: `Database.check`.
   *
   * @throws MusterError `NODE_UNKNOWN` with near names, once the app is known.
   */
  at(point: string): Fault {
    if (this.#known !== undefined) this.#check(point, this.#known);
    return {
      fail: (times = 1, error = new Error(`${point} was told to fail`)) => {
        let left = times;
        this.#plans.set(point, (call) => {
          if (left <= 0) return call();
          left -= 1;
          throw error;
        });
      },
      hang: () => this.#plans.set(point, (call) => this.#hang(point).then(call)),
      slow: (ms) => this.#plans.set(point, (call, clock) => sleep(clock, ms).then(call)),
      flap: (well = 1, ill = 1) => {
        let calls = 0;
        this.#plans.set(point, (call) => {
          calls += 1;
          if ((calls - 1) % (well + ill) < well) return call();
          throw new Error(`${point} flaps`);
        });
      },
      clear: () => {
        this.#plans.delete(point);
        for (const goOn of this.#hanging.get(point) ?? []) goOn();
        this.#hanging.delete(point);
      },
    };
  }

  /** Lets an instance pass through its points. Called by `startTestApp`. */
  instrument(id: string, instance: object, clock: Clock): void {
    for (const method of LIFECYCLE) {
      const original = (instance as Record<string, unknown>)[method];
      if (typeof original !== 'function') continue;
      Object.defineProperty(instance, method, {
        configurable: true,
        value: (...args: unknown[]): unknown => {
          const call = (): unknown => original.apply(instance, args) as unknown;
          const plan = this.#plans.get(`${id}.${method}`);
          return plan === undefined ? call() : plan(call, clock);
        },
      });
    }
  }

  /** Makes the points known, so that a typo is noticed. Called by `startTestApp`. */
  know(points: Iterable<string>): void {
    const known = new Set(points);
    for (const point of this.#plans.keys()) this.#check(point, known);
    this.#known = known;
  }

  #check(point: string, known: ReadonlySet<string>): void {
    if (!known.has(point)) throw coreError('NODE_UNKNOWN', { name: point, near: nearest(point, [...known]) });
  }

  #hang(point: string): Promise<void> {
    return new Promise((resolve) => {
      const hanging = this.#hanging.get(point) ?? new Set();
      hanging.add(resolve);
      this.#hanging.set(point, hanging);
    });
  }
}

/** The points of a class: those of its lifecycle methods that it has. */
export function pointsOf(id: string, target: { readonly prototype: object }): string[] {
  const { prototype } = target as { prototype: Record<string, unknown> };
  return LIFECYCLE.filter((method) => typeof prototype[method] === 'function').map((method) => `${id}.${method}`);
}
