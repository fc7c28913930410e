/**
 * What a scrape of `/metrics` finds: the app by its graph, sockets and delivery by their counts, runs and tools by their times,
 * and the process. Names follow OpenTelemetry's and Prometheus' conventions; the number of series is bounded.
 */
import type { InspectedApp } from '@muster/core';
import { collectDefaultMetrics, type Registry } from 'prom-client';
import { BootMetrics } from './boot-metrics.ts';
import { TrafficMetrics } from './traffic-metrics.ts';

export class Metrics {
  readonly #registry: Registry;
  readonly #unsubscribe: () => void;

  constructor(app: InspectedApp, registry: Registry) {
    this.#registry = registry;
    const boot = new BootMetrics(app, registry);
    const traffic = new TrafficMetrics(app, registry);
    this.#unsubscribe = app.events.on((event) => {
      boot.take(event);
      traffic.take(event);
    });
  }

  /** Begins to watch the process: its memory, its processor time, and how late its event loop is. */
  begin(): void {
    if (this.#registry.getSingleMetric('process_cpu_seconds_total') === undefined)
      collectDefaultMetrics({ register: this.#registry });
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  close(): void {
    this.#unsubscribe();
  }
}
