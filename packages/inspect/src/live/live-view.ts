/**
 * One instance as it is now, made of the app's graph, its server and the events that came, and what of it has changed.
 *
 * It listens from the beginning, so that who looks later sees the boot as well; it makes nothing until somebody looks.
 */
import type { DumpNode, GraphDump, MusterError } from '@muster/contracts';
import { type ConnectionView, type InspectedApp, Instances, redact, type RuntimeEvent } from '@muster/core';
import type { Backlog } from '../backlog.ts';
import { isWell } from '../is-well.ts';
import { Gates } from './gates.ts';
import { Lanes } from './lanes.ts';
import { News } from './news.ts';
import type { Boot, Change, ConnectionsView, InstanceHead, InstanceLine, Lane, Overview, Trouble } from './overview.ts';
import { Runs } from './runs.ts';

/** Events that leave the graph as it is. */
const OF_TRAFFIC: ReadonlySet<RuntimeEvent['type']> = new Set([
  'run-begun',
  'run-ended',
  'run-left',
  'tool-ended',
  'client-error',
  'fault',
]);
/** How many connections are listed. */
const CONNECTIONS = 200;

export class LiveView {
  readonly #app: InspectedApp;
  readonly #payloads: boolean;
  readonly #lanes = new Lanes();
  readonly #gates = new Gates();
  readonly #news = new News();
  readonly #runs = new Runs();
  readonly #backlog: Backlog;
  #boot: Boot = { startedAt: null, endedAt: null, gateOpenedAt: null };
  #trouble: Trouble | null = null;
  #version = 0;
  #address: string | null = null;

  constructor(app: InspectedApp, payloads: boolean, backlog: Backlog) {
    this.#app = app;
    this.#payloads = payloads;
    this.#backlog = backlog;
    backlog.on((event) => this.#take(event));
  }

  /** All of it. What changes from then on is told by a `Changes` that is made of it. */
  overview(): Overview {
    this.#backlog.catchUp();
    const graph = this.#app.graph().toJSON();
    return {
      at: this.#app.clock.now(),
      head: this.head(graph),
      graph,
      boot: this.#boot,
      lanes: this.#lanesOf(this.#lanes.ids, graph),
      gates: this.#gates.lines(graph.gate),
      connections: this.connections(),
      runs: this.#runs.lines,
      delivery: this.delivery,
      news: this.#news.since(0),
      instances: this.instances(),
      payloads: this.#payloads,
    };
  }

  /** What came since the last call, of what is told piece by piece; `newsAfter` is the number of the last line that is known. */
  pieces(graph: GraphDump, newsAfter: number): Required<Pick<Change, 'lanes' | 'runs' | 'news'>> {
    const lanes = this.#lanesOf(this.#lanes.takeChanged(), graph);
    return { lanes, runs: this.#runs.takeChanged(), news: this.#news.since(newsAfter) };
  }

  get runs(): Runs {
    this.#backlog.catchUp();
    return this.#runs;
  }

  get boot(): Boot {
    return this.#boot;
  }

  gates(graph: GraphDump): Overview['gates'] {
    return this.#gates.lines(graph.gate);
  }

  head(graph: GraphDump): InstanceHead {
    const self = this.#instances()?.list()[0];
    return {
      id: graph.instance ?? null,
      state: graph.state,
      version: self?.version ?? null,
      pid: process.pid,
      node: process.version,
      startedAt: this.#boot.startedAt,
      address: this.#address,
      trouble: this.#trouble,
    };
  }

  connections(): ConnectionsView {
    const { server } = this.#app;
    const byState: Record<string, number> = {};
    const latest: ConnectionView[] = [];
    let total = 0;
    for (const connection of server?.connections ?? []) {
      byState[connection.state] = (byState[connection.state] ?? 0) + 1;
      // The newest come last, so whoever is overwritten is older than all that are left.
      latest[total % CONNECTIONS] = connection;
      total += 1;
    }
    const oldest = total < CONNECTIONS ? 0 : total % CONNECTIONS;
    const lines = [...latest.slice(oldest), ...latest.slice(0, oldest)]
      .reverse()
      .map(({ id, state, since, user, unacknowledged }) => ({ id, state, since, user, unacknowledged }));
    return { total, users: server?.users ?? 0, byState, latest: lines };
  }

  get delivery(): Overview['delivery'] {
    return this.#app.server?.delivery ?? null;
  }

  instances(): readonly InstanceLine[] {
    const instances = this.#instances();
    return (instances?.list() ?? []).map(({ id, address, version, startedAt, services, load }) => ({
      id,
      address,
      version,
      startedAt,
      isSelf: id === instances?.id,
      unhealthy: Object.keys(services).filter((name) => !isWell(services[name])),
      load,
    }));
  }

  #lanesOf(ids: readonly string[], { nodes }: GraphDump): Lane[] {
    if (ids.length === 0) return [];
    const times = new Map(nodes.map((node) => [node.id, node]));
    return ids.map((id) => this.#lanes.lane(id, times.get(id)));
  }

  #instances(): Instances | undefined {
    return this.#app.find(Instances);
  }

  /** Grows with all that happens to the graph. */
  get version(): number {
    this.#backlog.catchUp();
    return this.#version;
  }

  #take(event: RuntimeEvent): void {
    if (concernsGraph(event)) this.#version += 1;
    this.#news.take(event);
    this.#lanes.take(event);
    this.#gates.take(event);
    this.#runs.take(event);
    switch (event.type) {
      case 'boot-started':
        this.#lanes.begin(event.services, event.at);
        this.#boot = { ...this.#boot, startedAt: event.at };
        return;
      case 'boot-completed':
      case 'boot-failed':
        this.#boot = { ...this.#boot, endedAt: event.at - (this.#boot.startedAt ?? event.at) };
        if (event.type === 'boot-failed') this.#trouble = troubleOf(event.error);
        return;
      case 'moved':
        if (event.machine === 'gate' && event.subject === 'main' && event.to === 'open') this.#opened(event.at);
        return;
      case 'listening':
        this.#address = event.address;
        return;
      case 'stop-started':
        this.#trouble = { code: 'STOPPING', message: `The app stops: ${redact(event.reason)}.`, hint: null };
        return;
      default:
      // Nothing else concerns it.
    }
  }

  #opened(at: number): void {
    if (this.#boot.gateOpenedAt === null)
      this.#boot = { ...this.#boot, gateOpenedAt: at - (this.#boot.startedAt ?? at) };
  }
}

/** What connections, runs and clients do is none of it. */
function concernsGraph(event: RuntimeEvent): boolean {
  if (event.type !== 'moved') return !OF_TRAFFIC.has(event.type);
  return event.machine === 'service' || event.machine === 'gate' || event.machine === 'factory';
}

function troubleOf({ code, message, hint }: MusterError): Trouble {
  return { code, message: redact(message), hint };
}

/** The parts of a node that are another at each look, though nothing has happened. */
export function lasting({ healthAgeMs: _, sinceMs: __, nextAttemptInMs: ___, deepCheck, ...node }: DumpNode): string {
  return JSON.stringify([node, deepCheck?.reason]);
}
