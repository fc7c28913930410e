/**
 * Streams that may be ended twice, as `ws` ends those of every connection that closes.
 *
 * Node makes an error with a stack of each second call, which nobody gets to see, and three of them cost a tenth of a handshake.
 */
import { Writable } from 'node:stream';

/** From now on a second `end()` is nothing, as it always was for whoever passes no callback. */
export function endsOnce(stream: Writable | undefined): void {
  if (stream !== undefined) stream.end = once;
}

function once(this: Writable, ...given: readonly unknown[]): Writable {
  if (this.writableEnded && given.length === 0) return this;
  const end = Reflect.get(Object.getPrototypeOf(this) as object, 'end') as (...given: readonly unknown[]) => Writable;
  return Reflect.apply(end, this, given);
}
