/**
 * Disposes of instances: in reverse order of making, one after another, each bounded, and going on after an error.
 */
import type { Clock } from '@muster/contracts';
import { bounded } from '../clock.ts';
import type { ScopeKind } from '../declare/scope-kind.ts';
import { coreError } from '../errors.ts';
import { isThenable } from '../thenable.ts';
import { disposerOf, type Method, type Step } from './layout.ts';

/** Time for the disposal of one instance, in milliseconds. */
export const DISPOSE_MS = 5_000;

const NOW = Promise.resolve();

export interface Disposal {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Told of every disposal that failed or hangs. */
  readonly fault: (error: unknown, of: Owner) => void;
}

/** Whose instances they are. */
export interface Owner {
  readonly kind: ScopeKind;
  readonly run: { readonly run: string } | undefined;
}

/** Told when everything is disposed of; what it returns is waited for as well. */
export interface Finished {
  finished(): Promise<void> | undefined;
}

/**
 * Disposes of `made` from its end on, then calls `finished`. Never throws.
 *
 * @returns `undefined` when all of it is over already; else what resolves when it is, and never rejects.
 */
export function dispose(
  made: readonly object[],
  steps: readonly Step[],
  disposal: Disposal,
  owner: Owner,
  finished: Finished | undefined,
): Promise<void> | undefined {
  for (let place = made.length - 1; place >= 0; place -= 1) {
    const going = disposeOf(made[place] as object, steps[place] as Step, disposal, owner);
    if (going !== undefined) return disposeRest(going, place, made, steps, disposal, owner, finished);
  }
  return finished?.finished();
}

/** Goes on after the disposal at `place`, which takes its time. One function, because each further one is one more turn. */
async function disposeRest(
  first: PromiseLike<unknown>,
  place: number,
  made: readonly object[],
  steps: readonly Step[],
  disposal: Disposal,
  owner: Owner,
  finished: Finished | undefined,
): Promise<void> {
  let going: PromiseLike<unknown> | undefined = first;
  for (let at = place; at >= 0; going = undefined) {
    const step = steps[at] as Step;
    going ??= disposeOf(made[at] as object, step, disposal, owner);
    at -= 1;
    if (going === undefined) continue;
    let isOver = false;
    const over = going.then(
      () => {
        isOver = true;
      },
      (error: unknown) => {
        isOver = true;
        disposal.fault(coreError('DISPOSE_FAILED', { class: step.name }, error), owner);
      },
    );
    // One that ends in the same turn needs no timer.
    await NOW;
    if (!isOver) await inTime(over, step.name, disposal, owner);
  }
  const further = finished?.finished();
  if (further !== undefined) await further;
}

/** What has to be awaited, where that is more than a call. */
function disposeOf(instance: object, step: Step, disposal: Disposal, owner: Owner): PromiseLike<unknown> | undefined {
  try {
    if (step.disposer === undefined) step.disposer = disposerOf(instance) ?? null;
    if (step.disposer === null) return undefined;
    const { name, method } = step.disposer;
    const going =
      method === undefined ? (instance as Record<PropertyKey, Method | undefined>)[name]?.() : method.call(instance);
    return going !== undefined && isThenable(going as object) ? (going as PromiseLike<unknown>) : undefined;
  } catch (error) {
    disposal.fault(coreError('DISPOSE_FAILED', { class: step.name }, error), owner);
    return undefined;
  }
}

/** Waits for a disposal, and not longer than its time. */
async function inTime(over: PromiseLike<void>, name: string, disposal: Disposal, owner: Owner): Promise<void> {
  const { clock, timeoutMs } = disposal;
  const onTimeout = (): Error => coreError('DISPOSE_TIMEOUT', { class: name, timeoutMs });
  try {
    await bounded({ clock, timeoutMs, onTimeout }, async () => over);
  } catch (error) {
    disposal.fault(error, owner);
  }
}
