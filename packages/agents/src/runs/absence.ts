/**
 * Notices that somebody has been away for a while, in one piece: who comes back in time has never been away.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { Presence } from './requester.ts';

/**
 * Calls `away` when nobody has been there for `afterMs` milliseconds.
 *
 * @returns ends that, and has to be called once.
 */
export function onAbsence(presence: Presence, clock: Clock, afterMs: number, away: () => void): () => void {
  let timer: Timer | undefined;
  const look = (): void => {
    if (presence.isPresent) {
      timer?.cancel();
      timer = undefined;
    } else timer ??= clock.schedule(afterMs, away);
  };
  const end = presence.onChange(look);
  look();
  return () => {
    timer?.cancel();
    end();
  };
}
