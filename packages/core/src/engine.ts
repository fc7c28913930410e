/**
 * What is made of a container's bindings: the graph, its plan, the orchestrator and the main gate, and how they look now.
 */
import type { GraphDump } from '@muster/contracts';
import type { Container, ServiceIdentifier } from 'inversify';
import { build } from './container/build.ts';
import { isPreparedOnce } from './container/read-container.ts';
import { Refs } from './container/refs.ts';
import { TiedRefs } from './container/tied-refs.ts';
import { declarationOf } from './declare/declaration.ts';
import { type Class, type Dependency, nameOf } from './declare/dependency.ts';
import type { ServiceOptions } from './declare/service-contract.ts';
import type { ReadyHook } from './declare/registration.ts';
import { coreError } from './errors.ts';
import type { ManagedFactory } from './factories/managed-factory.ts';
import { GatedFactories, refuseEarly } from './factories/gated-factories.ts';
import { type BudgetReport, checkBudgets } from './graph/budgets.ts';
import { criticalPath } from './graph/critical-path.ts';
import { AT_REST, dumpGraph, type NodeState } from './graph/dump.ts';
import { PLAIN } from './declare/edge.ts';
import type { GraphProblem } from './graph/problems.ts';
import { type GraphNode, keysOf } from './graph/graph-node.ts';
import { ServiceGraph, sortProblems } from './graph/service-graph.ts';
import { planStart, type StartPlan } from './graph/start-plan.ts';
import { GraphView } from './graph-view.ts';
import type { Gate, GateOptions } from './lifecycle/gate.ts';
import { type Budgets, MAIN, Orchestrator } from './lifecycle/orchestrator.ts';
import { SERVICE_DEFAULTS, settingsOf } from './lifecycle/service-settings.ts';
import type { Surroundings } from './lifecycle/surroundings.ts';
import { type Front, providersOf, withRemotes } from './providers.ts';
import { type Configuration, configurationProblems, groupBy, type Hook, hookProblems } from './registrations.ts';
import type { AppState } from './runtime.ts';
import { refuseScoped } from './scoped-nodes.ts';
import { SharedParts } from './shared-parts.ts';
import { Instances } from './state/instances.ts';
import { isThenable } from './thenable.ts';

export interface EngineOptions {
  readonly container: Container;
  /** Ids of the bindings that were there before Muster's. */
  readonly foreign: ReadonlySet<number>;
  readonly hooks: readonly Hook[];
  readonly configurations: readonly Configuration[];
  readonly front: Front | undefined;
  readonly around: Surroundings;
  readonly budgets: Budgets;
  /** The part of the stop budget that services have, in milliseconds. */
  readonly servicesStopMs: number;
  readonly gate: GateOptions;
  /** Called while the main gate is opening, when the factories are ready. */
  readonly open: () => void;
  readonly escalated: (service: string, error: unknown) => void;
  /** Called when a factory has adopted what was made anew. */
  readonly renewed: () => void;
}

/** What a service shows before it is built. */
const PLANNED: NodeState = { ...AT_REST, phase: 'registered', health: 'unknown' };

export class Engine {
  readonly orchestrator: Orchestrator;
  readonly gate: Gate;
  readonly factories: GatedFactories;
  readonly #options: EngineOptions;
  readonly #refs = new Refs();
  readonly #tied: TiedRefs;
  readonly #shared: SharedParts;
  readonly #problems: readonly GraphProblem[];
  /** From here on the container hands out factories. */
  #isOpening = false;
  #graph: ServiceGraph;
  #plan: StartPlan;
  #budgets: BudgetReport;
  #bootIdealMs: number | undefined;
  #instance: Instances | undefined;

  constructor(options: EngineOptions) {
    this.#options = options;
    const { container, front } = options;
    const providers = withRemotes(container, options.foreign, front);
    this.#tied = new TiedRefs(container, this.#refs);
    this.#shared = new SharedParts(container, options.around);
    this.#refs.bindAll(container, (permit, factory) => this.factories.get(permit, factory));
    this.#graph = ServiceGraph.from(providersOf(providers, front));
    this.#plan = planStart(this.#graph);
    this.#budgets = this.#judgeBudgets();
    this.#problems = [
      ...hookProblems(this.#graph.nodes, options.hooks),
      ...configurationProblems(this.#graph.nodes, options.configurations),
    ];
    refuseScoped(container, this.#graph.nodes);
    this.orchestrator = new Orchestrator(this.#graph, this.#plan, options.around, options.budgets, {
      escalated: options.escalated,
      flipped: (id, ready) => this.#tied.flipped(id, ready, () => this.orchestrator.service(id)?.isStarted === true),
    });
    this.factories = this.#gatedFactories();
    const guarded = this.#graph.nodes.filter((node) => node.guarded && node.isAlive);
    this.gate = this.orchestrator.gate(MAIN, guarded, options.gate, () => this.#open());
    // From the first opening on, a system that all replicas share closes no gate any more.
    this.gate.onMove((state) => {
      if (state === 'open') this.orchestrator.wiring.holdShared();
    });
  }

  /** The factories come into being, and then the server has a look at them. */
  #open(): void | Promise<void> {
    this.#isOpening = true;
    const making = this.factories.make();
    const { open } = this.#options;
    return isThenable<void, Promise<void>>(making) ? making.then(open) : open();
  }

  #gatedFactories(): GatedFactories {
    const { container, front, around, configurations } = this.#options;
    const nodes = this.#plan.order.filter(({ kind, provider }) => kind === 'factory' && provider.target !== front);
    refuseEarly(container, nodes, () => !this.#isOpening);
    const configs = new Map<unknown, unknown>(configurations.map(({ configures, config }) => [configures, config]));
    return new GatedFactories(
      container,
      nodes,
      { ...around, clock: this.orchestrator.clock },
      (keys) => configs.get(keys.find((key) => configs.has(key))),
      this.#options.renewed,
      ({ id, provider }, config) =>
        isPreparedOnce(provider.target as Class) ? this.#shared.preparation(id, config) : undefined,
    );
  }

  /** Nothing is started any more, and what is being made behind the gate is given up. */
  halt(reason: string): void {
    this.orchestrator.halt();
    this.factories.stop(coreError('ABORTED', { what: 'The opening of the gate', why: 'stop', reason }));
  }

  /** Everything that makes a start impossible. */
  get problems(): readonly GraphProblem[] {
    return sortProblems([...this.#graph.problems, ...this.#budgets.problems, ...this.#problems]);
  }

  get nodes(): readonly GraphNode[] {
    return this.#graph.nodes;
  }

  /** Each node after all that it needs. */
  get order(): readonly GraphNode[] {
    return this.#plan.order;
  }

  /**
   * Builds everything that starts. What opaque nodes were seen to ask for becomes part of the graph.
   *
   * @throws MusterError `CONSTRUCT_FAILED` or `BINDING_INVALID`.
   */
  build(): void {
    const { container } = this.#options;
    const { instances, observed } = build(container, this.#plan.order);
    if (observed.size > 0) this.#observe(observed);
    const hooks = groupBy<unknown, Hook>(this.#options.hooks, ({ ready }) => ready);
    for (const node of this.#plan.order) {
      const instance = instances.get(node.id);
      if (instance === undefined) continue;
      const declared = declarationOf(node.provider.target as Class)?.options ?? NO_OPTIONS;
      this.orchestrator.adopt({
        node,
        instance,
        settings: settingsOf(node.id, declared),
        hooks:
          hooks.size === 0
            ? NO_HOOKS
            : keysOf(node)
                .flatMap((key) => hooks.get(key) ?? [])
                .map(({ hook }) => hook),
        candidate: declared.cluster === 'leader' ? this.#shared.candidate(node.id) : undefined,
      });
    }
    this.#tied.tie(this.#graph.nodes, instances);
    if (container.isBound(Instances)) this.#instance = container.get(Instances);
  }

  /** Keeps what the boot took at least: later restarts must not change how well it went. */
  booted(): void {
    const { orchestrator } = this;
    const { wiring } = orchestrator;
    this.#bootIdealMs = criticalPath(this.#plan.order, (node) => wiring.placeOf(node).service?.costMs ?? 0).ms;
  }

  /** The nodes that answer to a dependency. */
  nodesOf(dependency: Dependency): GraphNode[] {
    return this.#graph.nodes.filter((node) => keysOf(node).includes(dependency));
  }

  /** The dump as it stands now. */
  view(state: AppState, wallMs: number | null, around: Pick<GraphDump, 'scopes' | 'limits'> = {}): GraphView {
    const { orchestrator, gate } = this;
    const { wiring } = orchestrator;
    const causes = wiring.causes(this.#plan.order.map((node) => wiring.placeOf(node)));
    const stateOf = (id: string): NodeState | undefined => {
      const factory = this.factories.factory(id);
      if (factory !== undefined) return factoryState(factory, this.#shared.otherwise(id));
      const place = wiring.place(id);
      const known = place?.service?.snapshot() ?? (place?.node?.isAlive === true ? { ...PLANNED } : undefined);
      if (place === undefined || known === undefined) return undefined;
      known.degradedBy = place.service?.isStarted === true ? wiring.degradedBy(place) : [];
      known.blockedBy = causes.get(place) ?? [];
      return known;
    };
    const dump = dumpGraph(this.#graph, this.#plan, {
      state,
      gate: { state: gate.state, blockedBy: gate.blockedBy },
      instance: this.#instance?.id,
      wallMs,
      ...around,
      bootIdealMs: this.#bootIdealMs,
      budgets: { ...this.#budgets, problems: this.problems },
      stateOf,
      releasedAt: (from, to) => wiring.releasedAt(from, to),
    });
    return new GraphView(dump);
  }

  #observe(observed: ReadonlyMap<string, readonly ServiceIdentifier[]>): void {
    this.#graph = ServiceGraph.from(
      this.#graph.nodes.map(({ id, provider }) => {
        const keys = observed.get(id) ?? [];
        const seen = keys.map((key) => ({ key, name: nameOf(key), terms: PLAIN, mayBeAbsent: true, observed: true }));
        if (seen.length > 0) Object.assign(provider, { wants: [...provider.wants, ...seen] });
        return provider;
      }),
    );
    // A circle through a function that nobody can look into was no circle before it was called.
    if (this.#graph.problems.length > 0) throw coreError('GRAPH_INVALID', { problems: this.#graph.problems });
    this.#plan = planStart(this.#graph);
    this.#budgets = this.#judgeBudgets();
    this.orchestrator.rewire(this.#graph, this.#plan);
  }

  #judgeBudgets(): BudgetReport {
    const { budgets, servicesStopMs } = this.#options;
    const { startTimeoutMs: startMs, stopTimeoutMs: stopMs } = SERVICE_DEFAULTS;
    return checkBudgets(this.#plan.order, {
      bootMs: budgets.bootMs,
      stopMs: servicesStopMs,
      defaults: { startMs, stopMs },
    });
  }
}

const NO_OPTIONS: ServiceOptions = {};
const NO_HOOKS: readonly ReadyHook[] = [];

function factoryState(
  { state, failure, progress, tookMs, epoch }: ManagedFactory,
  otherwise: readonly string[],
): NodeState {
  const reason = failure === undefined ? null : String(failure.details.reason);
  const differsFrom = otherwise.length === 0 ? {} : { differsFrom: otherwise };
  return { ...AT_REST, phase: state, reason, progress, startMs: tookMs, generation: epoch, ...differsFrom };
}
