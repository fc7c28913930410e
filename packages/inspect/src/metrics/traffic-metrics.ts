/** Metrics of sockets, delivery, runs and tools. */
import type { InspectedApp, RuntimeEvent } from '@muster/core';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Backlog } from '../backlog.ts';
import { BoundedLabels } from './bounded-labels.ts';
import { heardOf } from './heard.ts';

const SECOND_MS = 1_000;
/** Upper bounds in seconds: a handshake is quick or held at the gate, a run takes what a model takes. */
const HANDSHAKE = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5, 10, 30];
const WORK = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
/** Handshakes under way of which the beginning is remembered. */
const HANDSHAKES = 100_000;

type Moved = Extract<RuntimeEvent, { type: 'moved' }>;

export class TrafficMetrics {
  readonly #labels = new BoundedLabels();
  /** When each handshake that is under way has begun. */
  readonly #handshakes = new Map<string, number>();
  readonly #handshake: Histogram<'outcome'>;
  readonly #clientErrors: Counter<'code'>;
  readonly #faults: Counter<'component'>;
  readonly #liveRuns: Gauge;
  readonly #run: Histogram<'agent' | 'status'>;
  readonly #runEvents: Counter;
  readonly #tool: Histogram<'tool' | 'status'>;

  constructor(app: InspectedApp, registry: Registry, backlog: Backlog) {
    const heard = heardOf(backlog, registry);
    this.#handshake = new Histogram({
      name: 'muster_handshake_duration_seconds',
      help: 'From the answered upgrade to ready, or to its refusal; with the time that a client was held.',
      labelNames: ['outcome'],
      buckets: HANDSHAKE,
      ...heard,
    });
    this.#clientErrors = new Counter({
      name: 'muster_client_errors_total',
      help: 'Errors that clients were told of.',
      labelNames: ['code'],
      ...heard,
    });
    this.#faults = new Counter({
      name: 'muster_faults_total',
      help: 'Failures that no caller was there to be told of.',
      labelNames: ['component'],
      ...heard,
    });
    this.#liveRuns = new Gauge({ name: 'muster_runs', help: 'Runs without their terminal.', ...heard });
    this.#liveRuns.set(0);
    this.#run = new Histogram({
      name: 'muster_run_duration_seconds',
      help: 'From the acceptance of a run to its terminal.',
      labelNames: ['agent', 'status'],
      buckets: WORK,
      ...heard,
    });
    this.#runEvents = new Counter({
      name: 'muster_run_events_total',
      help: 'Events of runs that have ended.',
      ...heard,
    });
    this.#tool = new Histogram({
      name: 'muster_tool_duration_seconds',
      help: 'How long calls of tools took.',
      labelNames: ['tool', 'status'],
      buckets: WORK,
      ...heard,
    });
    serverGauges(app, [registry]);
  }

  take(event: RuntimeEvent): void {
    switch (event.type) {
      case 'moved':
        if (event.machine === 'connection') this.#connectionMoved(event);
        return;
      case 'run-begun':
        this.#liveRuns.inc();
        return;
      case 'run-left':
        this.#liveRuns.dec();
        return;
      case 'run-ended': {
        this.#liveRuns.dec();
        this.#runEvents.inc(event.events);
        const labels = { agent: this.#labels.of('agent', event.agent), status: event.status };
        this.#run.observe(labels, event.durationMs / SECOND_MS);
        return;
      }
      case 'tool-ended': {
        const labels = { tool: this.#labels.of('tool', event.tool), status: event.status };
        this.#tool.observe(labels, event.durationMs / SECOND_MS);
        return;
      }
      case 'client-error':
        this.#clientErrors.inc({ code: this.#labels.of('code', event.code) });
        return;
      case 'fault':
        this.#faults.inc({ component: this.#labels.of('component', kindOf(event.component)) });
        return;
      default:
      // Nothing else concerns it.
    }
  }

  #connectionMoved({ subject, to, at }: Moved): void {
    if (to === 'accepted') {
      if (this.#handshakes.size < HANDSHAKES) this.#handshakes.set(subject, at);
    } else if (to === 'ready' || to === 'closing' || to === 'closed') {
      const began = this.#handshakes.get(subject);
      if (began === undefined) return;
      this.#handshakes.delete(subject);
      const outcome = to === 'ready' ? 'ready' : to === 'closing' ? 'refused' : 'gone';
      this.#handshake.observe({ outcome }, Math.max(0, at - began) / SECOND_MS);
    }
  }
}

/** What the server tells when it is asked. */
function serverGauges({ server }: InspectedApp, registers: Registry[]): void {
  if (server === undefined) return;
  const connections: Gauge<'state'> = new Gauge({
    name: 'muster_connections',
    help: 'Connections by their state.',
    labelNames: ['state'],
    registers,
    collect() {
      connections.reset();
      for (const { state } of server.connections) connections.inc({ state });
    },
  });
  const users: Gauge = new Gauge({
    name: 'muster_users',
    help: 'Users with a connection to this process.',
    registers,
    collect: () => users.set(server.users),
  });
  const events: Gauge<'outcome'> = new Gauge({
    name: 'muster_delivery_events',
    help: 'Events of the streams that are followed now: appended = acknowledged + pending + expired.',
    labelNames: ['outcome'],
    registers,
    collect() {
      for (const [outcome, count] of Object.entries(server.delivery)) events.set({ outcome }, count);
    },
  });
}

/** A component without the path at which it was asked. */
function kindOf(component: string): string {
  return component.replace(/^http .*$/s, 'http handler');
}
