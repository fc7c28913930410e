import type { RuntimeEvent } from '@muster/core';

/** True of a move by which a service that was up is on its way to be started again: it crashed, or was told to. */
export function isRestart({ machine, from, to }: Extract<RuntimeEvent, { type: 'moved' }>): boolean {
  if (machine !== 'service') return false;
  return (from === 'running' && to === 'backoff') || (from === 'stopping' && to === 'waiting');
}
