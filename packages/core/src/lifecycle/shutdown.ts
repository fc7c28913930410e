/**
 * Stops services in the reverse of their edges: each after everything that needs it, independent ones at the same time.
 *
 * Errors are collected and never stop the walk; what hangs costs its own share of the time and is named.
 */
import type { GraphNode } from '../graph/graph-node.ts';
import type { StartPlan } from '../graph/start-plan.ts';
import type { ManagedService } from './managed-service.ts';
import type { Surroundings } from './surroundings.ts';
import type { Wiring } from './wiring.ts';

/** How a stop went. */
export interface StopReport {
  /** Ids in the order in which they were stopped; what was never started is not among them. */
  readonly order: readonly string[];
  /** What did not stop in its time. */
  readonly hung: readonly string[];
  readonly errors: readonly { readonly service: string; readonly error: unknown }[];
}

/** Walks the graph from its doors down; takes at most `budgetMs`. */
export function stopInReverse(
  plan: StartPlan,
  wiring: Wiring,
  around: Surroundings,
  reason: string,
  budgetMs: number,
): Promise<StopReport> {
  return new Walk(plan, wiring, around, reason, budgetMs).run();
}

class Walk {
  readonly #wiring: Wiring;
  readonly #around: Surroundings;
  readonly #reason: string;
  readonly #endsAt: number;
  /** By node its service's timeout plus the longest chain of timeouts that still comes after it; in milliseconds. */
  readonly #chain: Float64Array;
  /** By node how many of its dependents have not passed. */
  readonly #open: Uint32Array;
  readonly #ready: GraphNode[] = [];
  readonly #report = {
    order: [] as string[],
    hung: [] as string[],
    errors: [] as { service: string; error: unknown }[],
  };
  #active = 0;
  #done: ((report: StopReport) => void) | undefined;

  constructor({ order }: StartPlan, wiring: Wiring, around: Surroundings, reason: string, budgetMs: number) {
    this.#wiring = wiring;
    this.#around = around;
    this.#reason = reason;
    this.#endsAt = around.clock.monotonic() + budgetMs;
    this.#chain = new Float64Array(wiring.places.length);
    this.#open = new Uint32Array(wiring.places.length);
    for (const node of order) {
      let below = 0;
      for (const { other } of node.edges) below = Math.max(below, this.#chain[other.index] as number);
      this.#chain[node.index] = below + (wiring.placeOf(node).service?.identity.settings.stopTimeoutMs ?? 0);
      this.#open[node.index] = node.dependents.length;
      if (node.dependents.length === 0) this.#ready.push(node);
    }
  }

  run(): Promise<StopReport> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#pump();
    });
  }

  #pump(): void {
    for (let node = this.#ready.pop(); node !== undefined; node = this.#ready.pop()) {
      const { service } = this.#wiring.placeOf(node);
      if (service === undefined) this.#passed(node);
      else void this.#takeDown(node, service);
    }
    if (this.#active === 0) this.#done?.(this.#report);
  }

  #passed({ edges }: GraphNode): void {
    for (const { other } of edges) {
      const left = (this.#open[other.index] as number) - 1;
      this.#open[other.index] = left;
      if (left === 0) this.#ready.push(other);
    }
  }

  async #takeDown(node: GraphNode, service: ManagedService): Promise<void> {
    this.#active += 1;
    const { clock } = this.#around;
    const wasEntered = service.isEntered;
    const { stopTimeoutMs } = service.identity.settings;
    const left = Math.max(0, this.#endsAt - clock.monotonic());
    const share = (left * stopTimeoutMs) / (this.#chain[node.index] as number);
    const outcome = await service.takeDown(Math.min(stopTimeoutMs, share), this.#reason);
    if (outcome.hung) this.#report.hung.push(node.id);
    if (outcome.error !== undefined) this.#report.errors.push({ service: node.id, error: outcome.error });
    if (wasEntered) this.#report.order.push(node.id);
    this.#active -= 1;
    this.#passed(node);
    this.#pump();
  }
}
