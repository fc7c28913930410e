/**
 * Metrics of the process: its processor time, its memory, and how late its event loop is.
 *
 * They are read when they are asked for. What watches each garbage collection would cost a busy server more than all others
 * together, so nothing does.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Counter, Gauge, type Registry } from 'prom-client';

const RESOLUTION_MS = 20;
const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;
const QUANTILES = [50, 90, 99] as const;

export class ProcessMetrics {
  #delay: IntervalHistogram | undefined;

  constructor(registry: Registry) {
    // An application may have those of prom-client in its registry.
    if (registry.getSingleMetric('process_cpu_seconds_total') === undefined) processGauges([registry]);
    this.#lag([registry]);
  }

  begin(): void {
    this.#delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
    this.#delay.enable();
  }

  close(): void {
    this.#delay?.disable();
  }

  #lag(registers: Registry[]): void {
    const lag: Gauge<'quantile'> = new Gauge({
      name: 'muster_eventloop_lag_seconds',
      help: 'How late timers were since the last scrape; the quantile 1 is the latest.',
      labelNames: ['quantile'],
      registers,
      collect: () => {
        const delay = this.#delay;
        if (delay === undefined) return;
        const seconds = (nanoseconds: number): number =>
          Math.max(0, (Number.isFinite(nanoseconds) ? nanoseconds : 0) / NANOSECONDS - RESOLUTION_MS / 1_000);
        for (const percent of QUANTILES)
          lag.set({ quantile: String(percent / 100) }, seconds(delay.percentile(percent)));
        lag.set({ quantile: '1' }, seconds(delay.max));
        delay.reset();
      },
    });
  }
}

function processGauges(registers: Registry[]): void {
  const cpu: Counter = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'Processor time of the process, its own and that of the system for it.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      cpu.reset();
      cpu.inc((user + system) / MICROSECONDS);
    },
  });
  const resident: Gauge = new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Memory of the process.',
    registers,
    collect: () => resident.set(process.memoryUsage.rss()),
  });
  const heap: Gauge = new Gauge({
    name: 'nodejs_heap_size_used_bytes',
    help: 'What is used of the heap.',
    registers,
    collect: () => heap.set(process.memoryUsage().heapUsed),
  });
}
