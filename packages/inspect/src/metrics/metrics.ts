/**
 * What a scrape of `/metrics` finds: the app by its graph, sockets and delivery by their counts, runs and tools by their times,
 * and the process. Names follow OpenTelemetry's and Prometheus' conventions; the number of series is bounded.
 */
import type { InspectedApp } from '@muster/core';
import type { Registry } from 'prom-client';
import { BootMetrics } from './boot-metrics.ts';
import { ProcessMetrics } from './process-metrics.ts';
import { TrafficMetrics } from './traffic-metrics.ts';

export class Metrics {
  readonly #registry: Registry;
  readonly #process: ProcessMetrics;
  readonly #unsubscribe: () => void;

  constructor(app: InspectedApp, registry: Registry) {
    this.#registry = registry;
    this.#process = new ProcessMetrics(registry);
    const boot = new BootMetrics(app, registry);
    const traffic = new TrafficMetrics(app, registry);
    this.#unsubscribe = app.events.on((event) => {
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

  close(): void {
    this.#process.close();
    this.#unsubscribe();
  }
}
