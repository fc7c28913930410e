/**
 * The face of the engine's health loop: what applications inject to ask how everything is.
 *
 * It repeats verdicts that the engine has reached and runs no check of its own, so asking costs nothing.
 */
import type { DumpNode } from '@muster/contracts';
import { Runtime } from '../runtime.ts';
import { RuntimeEvents } from '../runtime-event.ts';
import { service } from '../declare/service.ts';
import type { ProbeContext, Service } from '../declare/service-contract.ts';

/** One verdict that changed. `at` is in milliseconds since 1970. */
export interface HealthChange {
  readonly service: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string | null;
  readonly at: number;
}

/** How many changes are kept. */
const HISTORY = 100;

@service({ dependsOn: [Runtime, RuntimeEvents] })
export class HealthMonitor implements Service {
  readonly #runtime: Runtime;
  readonly #events: RuntimeEvents;
  readonly #history: HealthChange[] = [];
  #unsubscribe: (() => void) | undefined;
  #hasHeard = false;

  constructor(runtime: Runtime, events: RuntimeEvents) {
    this.#runtime = runtime;
    this.#events = events;
  }

  start(): void {
    this.#unsubscribe = this.#events.on((event) => {
      if (event.type === 'deep-check') this.#hasHeard = true;
      if (event.type !== 'health-changed') return;
      this.#history.push(event);
      if (this.#history.length > HISTORY) this.#history.shift();
    });
  }

  stop(): void {
    this.#unsubscribe?.();
  }

  /** A monitor that hears nothing any more would go on saying what it last heard. */
  probe({ clock }: ProbeContext): void {
    this.#hasHeard = false;
    this.#events.emit({ type: 'deep-check', service: HealthMonitor.name, verdict: 'begun', at: clock.now() });
    if (!this.#hasHeard) throw new Error('the monitor does not hear what the engine tells');
  }

  /** The health of each service by name. */
  verdicts(): ReadonlyMap<string, string> {
    const { nodes } = this.#runtime.graph().toJSON();
    return new Map(nodes.filter((node) => node.kind === 'service').map((node) => [node.id, node.health]));
  }

  /** How the last deep check of each service went that has had one; `reason` is `null` where it passed. */
  deepChecks(): ReadonlyMap<string, NonNullable<DumpNode['deepCheck']>> {
    const { nodes } = this.#runtime.graph().toJSON();
    return new Map(nodes.flatMap(({ id, deepCheck }) => (deepCheck === undefined ? [] : [[id, deepCheck]])));
  }

  /** Root causes why the gate is not open; empty while it is. */
  blockedBy(): readonly string[] {
    return this.#runtime.gate.blockedBy;
  }

  /** The last changes of any verdict, the oldest first; at most 100. */
  history(): readonly HealthChange[] {
    return [...this.#history];
  }
}
