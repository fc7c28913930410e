/** What everything in an engine shares: where time, chance and an ear for what happens come from. */
import type { Clock, Random } from '@muster/contracts';
import type { RuntimeEvents } from '../runtime-event.ts';

export interface Surroundings {
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
}
