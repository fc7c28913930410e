/**
 * What a service says of its own health. Unknown is never healthy.
 */

import { redact } from '../redact.ts';

/** A verdict; anything but plain health carries its reason. */
export type Health =
  | { readonly status: 'healthy' }
  | { readonly status: 'degraded'; readonly reason: string }
  | { readonly status: 'unhealthy'; readonly reason: string };

/** All states of the health variable; `unknown` until the first verdict. */
export type HealthStatus = 'unknown' | Health['status'];

export const healthy: Health = Object.freeze({ status: 'healthy' });

/** It works, but not as it should. */
export function degraded(reason: string): Health {
  return { status: 'degraded', reason };
}

/** It does not work. */
export function unhealthy(reason: string): Health {
  return { status: 'unhealthy', reason };
}

/** Turns whatever a check returned into a verdict: what is no Health is a failure, never a success. */
export function judge(returned: unknown): Health {
  if (typeof returned === 'object' && returned !== null) {
    const { status, reason } = returned as { status?: unknown; reason?: unknown };
    if (status === 'healthy') return healthy;
    if ((status === 'degraded' || status === 'unhealthy') && typeof reason === 'string')
      return { status, reason: redact(reason) };
  }
  return unhealthy(`check() returned ${returned === null ? 'null' : typeof returned}, which is no Health`);
}
