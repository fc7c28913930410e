/**
 * A service of the instances of a simulated cluster that one of them runs at a time; and what must be so of it: no two lead
 * together, and in the end somebody does.
 */
import { type RunContext, type Service, service } from '@muster/core';
import type { ClusterWorld } from './world.ts';

interface Lead {
  readonly by: string;
  readonly sleeps: number;
  readonly signal: AbortSignal;
}

export class Leads {
  readonly #world: ClusterWorld;
  readonly #leads = new Set<Lead>();

  constructor(world: ClusterWorld) {
    this.#world = world;
  }

  /** The service of one instance. */
  on(name: string) {
    const lead = (signal: AbortSignal): Promise<void> => this.#lead(name, signal);
    @service({ cluster: 'leader' })
    class Warden implements Service {
      run({ signal }: RunContext): Promise<void> {
        return lead(signal);
      }
    }
    return Warden;
  }

  /** Looks at what must be so at this moment. */
  check(): void {
    const leading = [...this.#leads].filter(
      ({ by, sleeps, signal }) => !signal.aborted && this.#world.isAnswerable(by, sleeps),
    );
    if (leading.length > 1)
      this.#world.violate('one leads at a time', leading.map(({ by }) => by).join(' and '), 'lead together');
  }

  /** Whether nobody leads yet. */
  get isOpen(): boolean {
    return !this.#world.up.some(({ name }) => this.#isLedBy(name));
  }

  checkAtRest(): void {
    const leading = this.#world.up.filter(({ name }) => this.#isLedBy(name));
    if (leading.length !== 1)
      this.#world.violate(
        'somebody leads',
        'at rest',
        `${leading.map(({ name }) => name).join(' and ') || 'nobody'} does`,
      );
  }

  #isLedBy(name: string): boolean {
    return [...this.#leads].some(({ by, signal }) => by === name && !signal.aborted);
  }

  #lead(by: string, signal: AbortSignal): Promise<void> {
    const sleeps = this.#world.sleepsOf(by);
    const lead = { by, sleeps, signal };
    this.#leads.add(lead);
    this.#world.count('led');
    this.#world.said(`${by} leads`);
    return new Promise((resolve) => {
      const over = (): void => {
        this.#leads.delete(lead);
        resolve();
      };
      if (signal.aborted) over();
      else signal.addEventListener('abort', over, { once: true });
    });
  }
}
