/** Metrics of services, gates and the boot: read from the graph when they are asked for. */
import type { GraphDump } from '@muster/contracts';
import type { InspectedApp, RuntimeEvent } from '@muster/core';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Backlog } from '../backlog.ts';
import { isRestart } from '../is-restart.ts';
import { isWell } from '../is-well.ts';
import { heardOf } from './heard.ts';

const SECOND_MS = 1_000;
/** What has a life of its own. */
const KINDS: ReadonlySet<string> = new Set(['service', 'task', 'factory']);
/** States of an app, of which it has one. */
const STATES: readonly GraphDump['state'][] = ['new', 'starting', 'running', 'stopping', 'stopped', 'failed'];

export class BootMetrics {
  readonly #restarts: Counter<'service'>;
  readonly #failures: Counter<'service'>;
  readonly #closings: Counter<'gate'>;
  readonly #gates: Gauge<'gate'>;
  readonly #lagged: Counter;

  constructor(app: InspectedApp, registry: Registry, backlog: Backlog) {
    const heard = heardOf(backlog, registry);
    this.#restarts = new Counter({
      name: 'muster_service_restarts_total',
      help: 'How often a service that was up was started again.',
      labelNames: ['service'],
      ...heard,
    });
    this.#failures = new Counter({
      name: 'muster_service_start_failures_total',
      help: 'Attempts to start a service that failed.',
      labelNames: ['service'],
      ...heard,
    });
    this.#closings = new Counter({
      name: 'muster_gate_closings_total',
      help: 'How often a gate that was open has closed.',
      labelNames: ['gate'],
      ...heard,
    });
    this.#gates = new Gauge({
      name: 'muster_gate_open',
      help: '1 while the gate is open.',
      labelNames: ['gate'],
      ...heard,
    });
    this.#lagged = new Counter({
      name: 'muster_process_standstills_total',
      help: 'How often the process stood still for so long that health was asked anew before any gate moved.',
      ...heard,
    });
    graphGauges(app, registry);
  }

  take(event: RuntimeEvent): void {
    switch (event.type) {
      case 'moved':
        if (event.machine === 'gate') this.#gates.set({ gate: event.subject }, event.to === 'open' ? 1 : 0);
        else if (isRestart(event)) this.#restarts.inc({ service: event.subject });
        return;
      case 'attempt-failed':
        this.#failures.inc({ service: event.service });
        return;
      case 'gate-closed':
        this.#closings.inc({ gate: event.gate });
        return;
      case 'lagged':
        this.#lagged.inc();
        return;
      default:
      // Nothing else concerns it.
    }
  }
}

/** What the dump knows, as gauges. */
interface GraphGauges {
  readonly state: Gauge<'state'>;
  readonly boot: Gauge;
  readonly ideal: Gauge;
  readonly healthy: Gauge<'service'>;
  readonly times: Gauge<'service' | 'part'>;
}

/** One look at the dump serves all of a scrape: what is registered first is collected first, and fills the others. */
function graphGauges(app: InspectedApp, registry: Registry): void {
  const registers = [registry];
  const services: Gauge<'phase'> = new Gauge({
    name: 'muster_services',
    help: 'Services by their phase.',
    labelNames: ['phase'],
    registers,
    collect() {
      const graph = graphOf(app);
      if (graph !== undefined) fill(services, gauges, graph);
    },
  });
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]): Gauge<L> =>
    new Gauge({ name, help, labelNames, registers });
  const gauges: GraphGauges = {
    state: gauge('muster_app_state', '1 for the state of the app.', 'state'),
    boot: gauge('muster_boot_duration_seconds', 'How long the boot took.'),
    ideal: gauge('muster_boot_critical_path_seconds', 'What the boot cannot be shorter than.'),
    healthy: gauge('muster_service_healthy', '1 while a service is up and healthy, 0 otherwise.', 'service'),
    times: gauge(
      'muster_service_boot_seconds',
      'How a service spent the boot: waiting for others, starting, being checked, in hooks.',
      'service',
      'part',
    ),
  };
}

function fill(services: Gauge<'phase'>, { state, boot, ideal, healthy, times }: GraphGauges, graph: GraphDump): void {
  for (const each of STATES) state.set({ state: each }, each === graph.state ? 1 : 0);
  if (graph.wallMs !== null) boot.set(graph.wallMs / SECOND_MS);
  ideal.set(graph.idealMs / SECOND_MS);
  services.reset();
  for (const { id, kind, phase, health, waitMs, startMs, checkMs, hookMs } of graph.nodes) {
    if (!KINDS.has(kind)) continue;
    services.inc({ phase });
    healthy.set({ service: id }, isWell(health) || phase === 'completed' ? 1 : 0);
    for (const [part, ms] of Object.entries({ wait: waitMs, start: startMs, check: checkMs, hooks: hookMs }))
      if (ms !== null) times.set({ service: id, part }, ms / SECOND_MS);
  }
}

/** There is none where an option of the app is wrong. */
function graphOf(app: InspectedApp): GraphDump | undefined {
  try {
    return app.graph().toJSON();
  } catch {
    return undefined;
  }
}
