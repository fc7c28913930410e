/**
 * What a scrape of `/metrics` finds: the app by its graph, sockets and delivery by their counts, runs and tools by their times,
 * and the process. Names follow OpenTelemetry's and Prometheus' conventions; the number of series is bounded.
 */
import { errorsFrom } from '@muster/contracts';
import { CORE_ERRORS, type InspectedApp } from '@muster/core';
import type { Registry } from 'prom-client';
import type { Backlog } from '../backlog.ts';
import { BootMetrics } from './boot-metrics.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { TrafficMetrics } from './traffic-metrics.ts';

const coreError = errorsFrom(CORE_ERRORS);

export class Metrics {
  readonly #registry: Registry;
  /** Names of what was there before. */
  readonly #others: ReadonlySet<string>;
  readonly #process: ProcessMetrics;

  /** @throws MusterError `OPTION_INVALID` for a registry that has metrics of the same names, those of another app for instance. */
  constructor(app: InspectedApp, registry: Registry, backlog: Backlog) {
    this.#registry = registry;
    this.#others = new Set(namesIn(registry));
    const [boot, traffic, own] = this.#register(app, registry, backlog);
    this.#process = own;
    backlog.on((event) => {
      boot.take(event);
      traffic.take(event);
    });
  }

  /** Begins to watch how late the event loop is. */
  begin(): void {
    this.#process.begin();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** Leaves the registry as it was. */
  close(): void {
    this.#process.close();
    this.#unregister();
  }

  #register(app: InspectedApp, registry: Registry, backlog: Backlog): [BootMetrics, TrafficMetrics, ProcessMetrics] {
    try {
      const own = new ProcessMetrics(registry);
      return [new BootMetrics(app, registry, backlog), new TrafficMetrics(app, registry, backlog), own];
    } catch (error) {
      this.#unregister();
      const expected = 'a registry without metrics of the same names';
      throw coreError('OPTION_INVALID', { option: 'inspect.registry', expected, got: (error as Error).message }, error);
    }
  }

  #unregister(): void {
    for (const name of namesIn(this.#registry)) if (!this.#others.has(name)) this.#registry.removeSingleMetric(name);
  }
}

function namesIn(registry: Registry): string[] {
  return registry.getMetricsAsArray().map(({ name }) => name);
}
