/**
 * The time of the instance that is shown: elapsed times tick by its clock, whatever the clock here says.
 *
 * `now` stands still while the connection is lost, since nobody knows what goes on there.
 */
import { signal } from '@preact/signals';

let offset = 0;

/** Milliseconds since 1970 by the server's clock. */
export const now = signal(0);

/** Takes the time of a message that has just come. */
export function heard(at: number): void {
  offset = at - Date.now();
  now.value = at;
}

/** Ticks ten times a second while bars grow, else once a second; `mode` is asked before each tick. */
export function tick(mode: () => 'still' | 'calm' | 'fast'): void {
  const next = (): void => {
    const wanted = mode();
    if (wanted !== 'still') now.value = Date.now() + offset;
    setTimeout(next, wanted === 'fast' ? 100 : 1_000);
  };
  next();
}
