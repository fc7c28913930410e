/**
 * Stands in for a database: it keeps nothing on disk, but it takes its time to come up, as real ones do.
 */
import {
  type CheckContext,
  type Health,
  healthy,
  type Service,
  service,
  sleep,
  type StartContext,
  token,
  unhealthy,
} from '@muster/core';

/** How long `start()` takes, in milliseconds. */
export const DatabaseStartMs = token<number>('DatabaseStartMs');

/** How often it says how far it has come. */
const STEPS = 10;

@service({ dependsOn: [DatabaseStartMs], health: { everyMs: 2_000 } })
export class Database implements Service {
  readonly #startMs: number;
  #connected = false;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  async start(ctx: StartContext): Promise<void> {
    for (let step = 0; step < STEPS; step += 1) {
      ctx.progress(`connecting, ${(step * 100) / STEPS} %`);
      await sleep(ctx.clock, this.#startMs / STEPS, ctx.signal);
    }
    this.#connected = true;
  }

  check(_: CheckContext): Health {
    return this.#connected ? healthy : unhealthy('not connected');
  }

  stop(): void {
    this.#connected = false;
  }
}
