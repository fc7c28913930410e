/** True for promises and whatever else has to be waited for. */
export function isThenable<T, P extends PromiseLike<T>>(value: T | P): value is P {
  return typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function';
}
