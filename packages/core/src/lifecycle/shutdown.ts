/**
 * Stops services in the reverse of their edges: each after everything that needs it, independent ones at the same time.
 *
 * Errors are collected and never stop the walk; what hangs costs its own share of the time and is named.
 */
import type { ServiceGraph } from '../graph/service-graph.ts';
import type { StartPlan } from '../graph/start-plan.ts';
import type { ManagedService } from './managed-service.ts';
import type { Surroundings } from './surroundings.ts';

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
  graph: ServiceGraph,
  plan: StartPlan,
  services: ReadonlyMap<string, ManagedService>,
  around: Surroundings,
  reason: string,
  budgetMs: number,
): Promise<StopReport> {
  return new Walk(graph, plan, services, around, reason, budgetMs).run();
}

class Walk {
  readonly #graph: ServiceGraph;
  readonly #services: ReadonlyMap<string, ManagedService>;
  readonly #around: Surroundings;
  readonly #reason: string;
  readonly #endsAt: number;
  /** For each service its own timeout plus the longest chain of timeouts that still comes after it. */
  readonly #chain = new Map<string, number>();
  readonly #open = new Map<string, number>();
  readonly #ready: string[] = [];
  readonly #report = {
    order: [] as string[],
    hung: [] as string[],
    errors: [] as { service: string; error: unknown }[],
  };
  #active = 0;
  #done: ((report: StopReport) => void) | undefined;

  constructor(
    graph: ServiceGraph,
    plan: StartPlan,
    services: ReadonlyMap<string, ManagedService>,
    around: Surroundings,
    reason: string,
    budgetMs: number,
  ) {
    this.#graph = graph;
    this.#services = services;
    this.#around = around;
    this.#reason = reason;
    this.#endsAt = around.clock.monotonic() + budgetMs;
    for (const node of plan.order) {
      const below = node.needs.reduce((most, need) => Math.max(most, this.#chain.get(need) ?? 0), 0);
      this.#chain.set(node.id, below + (services.get(node.id)?.identity.settings.stopTimeoutMs ?? 0));
    }
    for (const node of graph.nodes) {
      this.#open.set(node.id, node.neededBy.length);
      if (node.neededBy.length === 0) this.#ready.push(node.id);
    }
  }

  run(): Promise<StopReport> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#pump();
    });
  }

  #pump(): void {
    for (let id = this.#ready.pop(); id !== undefined; id = this.#ready.pop()) {
      const service = this.#services.get(id);
      if (service === undefined) this.#passed(id);
      else void this.#takeDown(id, service);
    }
    if (this.#active === 0) this.#done?.(this.#report);
  }

  #passed(id: string): void {
    for (const need of this.#graph.node(id)?.needs ?? []) {
      const left = (this.#open.get(need) as number) - 1;
      this.#open.set(need, left);
      if (left === 0) this.#ready.push(need);
    }
  }

  async #takeDown(id: string, service: ManagedService): Promise<void> {
    this.#active += 1;
    const { clock } = this.#around;
    const wasEntered = service.isEntered;
    const { stopTimeoutMs } = service.identity.settings;
    const left = Math.max(0, this.#endsAt - clock.monotonic());
    const share = (left * stopTimeoutMs) / (this.#chain.get(id) ?? stopTimeoutMs);
    const outcome = await service.takeDown(Math.min(stopTimeoutMs, share), this.#reason);
    if (outcome.hung) this.#report.hung.push(id);
    if (outcome.error !== undefined) this.#report.errors.push({ service: id, error: outcome.error });
    if (wasEntered) this.#report.order.push(id);
    this.#active -= 1;
    this.#passed(id);
    this.#pump();
  }
}
