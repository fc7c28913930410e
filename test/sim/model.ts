/**
 * What the design says must be so, worked out in the slow and obvious way from events and calls alone.
 *
 * Nothing here asks the engine: it is told of moves and verdicts as any listener is, and derives readiness by definition.
 */
import type { RuntimeEvent } from '@muster/core';
import type { Sketch } from './sketch.ts';

export interface ModelEdge {
  readonly to: string;
  readonly kind: 'needs' | 'after';
  readonly until: 'healthy' | 'started' | 'completed';
  readonly need: 'required' | 'optional';
  readonly onLoss: 'gate' | 'degrade' | 'restart' | 'stop' | 'ignore';
}

export interface ModelNode {
  readonly id: string;
  readonly isTask: boolean;
  readonly shared: boolean;
  readonly degradedIsReady: boolean;
  readonly edges: readonly ModelEdge[];
  essential: boolean;
  guarded: boolean;
  phase: string;
  health: string;
  /** Its first try is over; never unsaid. */
  settled: boolean;
}

export class Model {
  readonly nodes: readonly ModelNode[];
  gate = 'closed';
  gateWasOpen = false;
  readonly #byId: ReadonlyMap<string, ModelNode>;

  constructor(sketch: Sketch) {
    this.nodes = sketch.nodes.map(({ id, isTask, options, edges }) => ({
      id,
      isTask,
      shared: options.shared ?? false,
      degradedIsReady: options.health?.degradedIsReady ?? false,
      edges: edges.map((edge): ModelEdge => {
        const until =
          sketch.nodes[edge.to]?.isTask === true ? 'completed' : edge.kind === 'terms' ? edge.until : 'healthy';
        return {
          to: `S${edge.to}`,
          kind: edge.kind === 'after' ? 'after' : 'needs',
          until,
          need: edge.kind === 'optional' || edge.kind === 'after' ? 'optional' : 'required',
          onLoss: edge.kind === 'terms' ? edge.onLoss : edge.kind === 'plain' ? 'gate' : 'degrade',
        };
      }),
      essential: false,
      guarded: false,
      phase: 'registered',
      health: 'unknown',
      settled: false,
    }));
    this.#byId = new Map(this.nodes.map((node) => [node.id, node]));
    this.#demand();
  }

  node(id: string): ModelNode {
    return this.#byId.get(id) as ModelNode;
  }

  dependents(id: string): ModelNode[] {
    return this.nodes.filter((node) => node.edges.some((edge) => edge.to === id));
  }

  /** @param firstHealth what the first check of a service that has just come up said. */
  hear(event: RuntimeEvent, firstHealth: (id: string) => string): void {
    if (event.type === 'health-changed') this.node(event.service).health = event.to;
    if (event.type !== 'moved') return;
    if (event.machine === 'gate') {
      this.gate = event.to;
      if (event.to === 'open') this.gateWasOpen = true;
    }
    if (event.machine !== 'service') return;
    const node = this.node(event.subject);
    node.phase = event.to;
    if (event.to === 'running') node.health = firstHealth(event.subject);
    if (['backoff', 'starting', 'waiting'].includes(event.to)) node.health = 'unknown';
    if (['running', 'completed', 'backoff', 'skipped', 'failed'].includes(event.to)) node.settled = true;
    this.#rememberHopeless();
  }

  isStarted(node: ModelNode): boolean {
    return node.phase === 'running' || node.phase === 'completed';
  }

  isUp(node: ModelNode): boolean {
    if (node.phase === 'completed') return true;
    return (
      node.phase === 'running' && (node.health === 'healthy' || (node.health === 'degraded' && node.degradedIsReady))
    );
  }

  ready(id: string): boolean {
    const node = this.node(id);
    if (!this.isUp(node)) return false;
    return node.isTask || node.edges.every((edge) => !this.gates(edge) || this.met(edge));
  }

  met(edge: ModelEdge): boolean {
    return edge.until === 'started' ? this.isStarted(this.node(edge.to)) : this.ready(edge.to);
  }

  /** Whether its loss makes its node unready. */
  gates(edge: ModelEdge): boolean {
    const isGating = edge.kind === 'needs' && edge.need === 'required' && !['degrade', 'ignore'].includes(edge.onLoss);
    return isGating && !(this.gateWasOpen && this.node(edge.to).shared);
  }

  /** Whether the edge lets its node start. */
  releases(edge: ModelEdge): boolean {
    if (edge.kind === 'after') return this.node(edge.to).settled;
    return this.met(edge) || (edge.need === 'optional' && this.node(edge.to).settled);
  }

  /** Whether everything is as the gate wants it. */
  gateMayBeOpen(): boolean {
    return this.nodes.every((node) => !node.guarded || (node.shared && this.gateWasOpen) || this.ready(node.id));
  }

  /** Root causes why a node is not ready. */
  causes(id: string): string[] {
    if (this.ready(id)) return [];
    const node = this.node(id);
    const held = node.edges.filter((edge) =>
      this.isStarted(node) ? this.gates(edge) && !this.met(edge) : !this.releases(edge),
    );
    return held.length === 0 ? [id] : [...new Set(held.flatMap((edge) => this.causes(edge.to)))].sort();
  }

  /** What requires something optional that cannot come yet cannot come yet either. */
  #rememberHopeless(): void {
    for (let changed = true; changed;) {
      changed = false;
      for (const node of this.nodes) {
        if (node.settled || node.essential) continue;
        const isHopeless = node.edges.some((edge) => {
          const other = this.node(edge.to);
          return (
            edge.kind === 'needs' && edge.need === 'required' && !this.met(edge) && other.settled && !other.essential
          );
        });
        if (isHopeless) {
          node.settled = true;
          changed = true;
        }
      }
    }
  }

  #demand(): void {
    const isNeeded = (id: string): boolean =>
      this.nodes.some((node) => node.edges.some((edge) => edge.to === id && edge.kind === 'needs'));
    const mark = (node: ModelNode, flag: 'essential' | 'guarded', follows: (edge: ModelEdge) => boolean): void => {
      if (node[flag]) return;
      node[flag] = true;
      for (const edge of node.edges) if (follows(edge)) mark(this.node(edge.to), flag, follows);
    };
    const isRequirement = (edge: ModelEdge): boolean => edge.kind === 'needs' && edge.need === 'required';
    for (const node of this.nodes.filter(({ id }) => !isNeeded(id))) {
      mark(node, 'essential', isRequirement);
      mark(node, 'guarded', (edge) => isRequirement(edge) && !['degrade', 'ignore'].includes(edge.onLoss));
    }
  }
}
