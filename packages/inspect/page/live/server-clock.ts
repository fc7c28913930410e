/**
 * The time of the instance that is shown: elapsed times tick by its clock, whatever the clock here says.
 *
 * `now` stands still while the connection is lost, since nobody knows what goes on there.
 */
import { signal } from '@preact/signals';

/** How far the clock may be off before it is set back: less is the network's doing. */
const SLACK_MS = 250;

let offset: number | null = null;

/**
 * How far the server's clock is ahead of the one here, after a message of `at` that came at `local`. The quickest message
 * knows best, so a slower one changes nothing: a time that was shown does not go back.
 */
export function ahead(known: number | null, at: number, local: number): number {
  const told = at - local;
  return known === null || told > known || known - told > SLACK_MS ? told : known;
}

/** Milliseconds since 1970 by the server's clock. */
export const now = signal(0);

/** Takes the time of a message that has just come. */
export function heard(at: number): void {
  offset = ahead(offset, at, Date.now());
  now.value = Date.now() + offset;
}

/** Ticks ten times a second while bars grow, else once a second; `mode` is asked before each tick. */
export function tick(mode: () => 'still' | 'calm' | 'fast'): void {
  const next = (): void => {
    const wanted = mode();
    if (wanted !== 'still') now.value = Date.now() + (offset ?? 0);
    setTimeout(next, wanted === 'fast' ? 100 : 1_000);
  };
  next();
}
