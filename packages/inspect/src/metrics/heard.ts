/** Metrics that are made of what happens. */
import type { Registry } from 'prom-client';
import type { Backlog } from '../backlog.ts';

/** Whoever asks for one of them, in whichever way, asks after all that has happened. */
export function heardOf(backlog: Backlog, registry: Registry): { registers: Registry[]; collect: () => void } {
  return { registers: [registry], collect: () => backlog.catchUp() };
}
