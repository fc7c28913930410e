/**
 * Stops services in the reverse of their edges: each after everything that needs it, independent ones at the same time.
 *
 * Errors are collected and never stop the walk; what hangs costs its own share of the time and is named.
 */
import type { ServiceGraph } from '../graph/service-graph.ts';
import type { ManagedService, Surroundings } from './managed-service.ts';

/** How a stop went. */
export interface StopReport {
  /** Ids in the order in which they were stopped; what was never started is not among them. */
  readonly order: readonly string[];
  /** What did not stop in its time. */
  readonly hung: readonly string[];
  readonly errors: readonly { readonly service: string; readonly error: unknown }[];
}

/** Walks the graph from its doors down; takes at most `budgetMs`. */
export async function stopInReverse(
  graph: ServiceGraph,
  services: ReadonlyMap<string, ManagedService>,
  around: Surroundings,
  reason: string,
  budgetMs: number,
): Promise<StopReport> {
  const { clock, events } = around;
  const endsAt = clock.monotonic() + budgetMs;
  const chain = remainingChains(graph, services);
  const order: string[] = [];
  const hung: string[] = [];
  const errors: { service: string; error: unknown }[] = [];
  const open = new Map(graph.nodes.map((node) => [node.id, node.neededBy.length]));
  const ready = graph.nodes.filter((node) => node.neededBy.length === 0).map((node) => node.id);
  let active = 0;

  await new Promise<void>((resolve) => {
    const stopped = (id: string): void => {
      for (const need of graph.node(id)?.needs ?? []) {
        const left = (open.get(need) as number) - 1;
        open.set(need, left);
        if (left === 0) ready.push(need);
      }
    };
    const takeDown = async (id: string, service: ManagedService): Promise<void> => {
      const entered = service.isEntered;
      const left = Math.max(0, endsAt - clock.monotonic());
      const share = (left * service.stopTimeoutMs) / (chain.get(id) ?? service.stopTimeoutMs);
      const outcome = await service.takeDown(Math.min(service.stopTimeoutMs, share), reason);
      if (outcome.hung) hung.push(id);
      if (outcome.error !== undefined) {
        errors.push({ service: id, error: outcome.error });
        events.emit({ type: 'stop-failed', service: id, error: outcome.error, at: clock.now() });
      }
      if (entered) order.push(id);
    };
    const pump = (): void => {
      for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
        const at = id;
        const service = services.get(at);
        if (service === undefined) {
          stopped(at);
          continue;
        }
        active += 1;
        void takeDown(at, service).then(() => {
          active -= 1;
          stopped(at);
          pump();
        });
      }
      if (active === 0) resolve();
    };
    pump();
  });
  return { order, hung, errors };
}

/** For each service its own timeout plus the longest chain of timeouts that still comes after it. */
function remainingChains(graph: ServiceGraph, services: ReadonlyMap<string, ManagedService>): Map<string, number> {
  const chain = new Map<string, number>();
  const open = new Map(graph.nodes.map((node) => [node.id, node.needs.length]));
  const ready = graph.nodes.filter((node) => node.needs.length === 0);
  for (let node = ready.pop(); node !== undefined; node = ready.pop()) {
    const below = node.needs.reduce((most, need) => Math.max(most, chain.get(need) ?? 0), 0);
    chain.set(node.id, below + (services.get(node.id)?.stopTimeoutMs ?? 0));
    for (const dependent of node.neededBy) {
      const left = (open.get(dependent) as number) - 1;
      open.set(dependent, left);
      if (left === 0) ready.push(graph.node(dependent) as typeof node);
    }
  }
  return chain;
}
