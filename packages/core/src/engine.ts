/**
 * What is made of a container's bindings: the graph, its plan, the orchestrator and the main gate, and how they look now.
 */
import type { GraphDump } from '@muster/contracts';
import type { Container, ServiceIdentifier } from 'inversify';
import { bindingsOf } from './container/bindings.ts';
import { build } from './container/build.ts';
import { isPreparedOnce, readProviders } from './container/read-container.ts';
import { Refs } from './container/refs.ts';
import { declarationOf } from './declare/declaration.ts';
import { type Class, type Dependency, nameOf } from './declare/dependency.ts';
import type { ServiceOptions } from './declare/service-contract.ts';
import type { ReadyHook, Registration } from './declare/registration.ts';
import { coreError } from './errors.ts';
import type { FactoryParts, ManagedFactory } from './factories/managed-factory.ts';
import { GatedFactories, refuseEarly } from './factories/gated-factories.ts';
import { type BudgetReport, checkBudgets } from './graph/budgets.ts';
import { criticalPath } from './graph/critical-path.ts';
import { AT_REST, dumpGraph, type NodeState } from './graph/dump.ts';
import { PLAIN } from './declare/edge.ts';
import { configuredTwice, type GraphProblem, missing } from './graph/problems.ts';
import type { Provider } from './graph/provider.ts';
import type { GraphNode } from './graph/graph-node.ts';
import { ServiceGraph, sortProblems } from './graph/service-graph.ts';
import { planStart, type StartPlan } from './graph/start-plan.ts';
import { GraphView } from './graph-view.ts';
import type { Gate, GateOptions } from './lifecycle/gate.ts';
import { type Budgets, MAIN, Orchestrator } from './lifecycle/orchestrator.ts';
import { SERVICE_DEFAULTS, settingsOf } from './lifecycle/service-settings.ts';
import type { Surroundings } from './lifecycle/surroundings.ts';
import type { AppState } from './runtime.ts';
import { refuseScoped } from './scoped-nodes.ts';
import { Candidate } from './state/candidate.ts';
import { Configurations } from './state/configurations.ts';
import { ClusterContract } from './state/contract.ts';
import { Instances } from './state/instances.ts';
import { KeyValueStore } from './state/key-value-store.ts';
import { Leases } from './state/leases.ts';
import { Preparation } from './state/preparation.ts';
import { isRemote } from './state/remote.ts';
import { isThenable } from './thenable.ts';

/** What stands at the gate, as far as the graph has to know it. */
export interface Front {
  readonly name: string;
  readonly dependsOn: readonly Dependency[];
}

type Hook = Extract<Registration, { readonly ready: Dependency }>;
type Configuration = Extract<Registration, { readonly configures: Dependency }>;

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
  readonly #problems: readonly GraphProblem[];
  /** From here on the container hands out factories. */
  #isOpening = false;
  #graph: ServiceGraph;
  #plan: StartPlan;
  #budgets: BudgetReport;
  #bootIdealMs: number | undefined;
  #instance: Instances | undefined;
  #configurations: Configurations | undefined;
  /** Of what this instance leads and prepares. */
  #leases: Leases | undefined;
  /** By the id of a node, the `Ref`s that stand for it. */
  readonly #tied = new Map<string, { readonly keys: readonly Dependency[]; readonly instance: object }>();

  constructor(options: EngineOptions) {
    this.#options = options;
    const providers = withRemotes(options);
    this.#refs.bindAll(options.container, (permit, factory) => this.factories.get(permit, factory));
    this.#graph = ServiceGraph.from(providersOf(providers, options.front));
    this.#plan = planStart(this.#graph);
    this.#budgets = this.#judgeBudgets();
    this.#problems = [...this.#hookProblems(), ...this.#configurationProblems()];
    refuseScoped(options.container, this.#graph.nodes);
    this.orchestrator = new Orchestrator(this.#graph, this.#plan, options.around, options.budgets, {
      escalated: options.escalated,
      flipped: (id, ready) => this.#flipped(id, ready),
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
      ({ id, provider }, config) => (isPreparedOnce(provider.target as Class) ? this.#sharedBy(id, config) : undefined),
    );
  }

  /** One instance prepares the factory for all that have configured it alike and have the same contract. */
  #sharedBy(id: string, config: unknown): FactoryParts['shared'] {
    const { container, around } = this.#options;
    const made = once(() => {
      const store = container.get<KeyValueStore>(KeyValueStore);
      const contract = container.get<ClusterContract>(ClusterContract, { optional: true })?.contract;
      if (container.isBound(Instances))
        this.#configurations ??= new Configurations(container.get(Instances), around.events, around.clock);
      return new Preparation({
        factory: id,
        config: contract === undefined ? config : { config, contract },
        store,
        clock: around.clock,
        leases: this.#leasesOn(store),
        told: (fingerprint) => this.#configurations?.note(id, fingerprint),
      });
    });
    return { after: (epoch, work) => made().after(epoch, work), watch: (sink) => made().watch(sink) };
  }

  #leasesOn(store: KeyValueStore): Leases {
    return (this.#leases ??= new Leases(store, this.#options.around.clock, this.#ownId()));
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
        candidate: declared.cluster === 'leader' ? this.#candidateFor(node.id) : undefined,
      });
    }
    this.#tieRefs(instances);
    if (container.isBound(Instances)) this.#instance = container.get(Instances);
  }

  #candidateFor(id: string): Candidate {
    const { container, around } = this.#options;
    const store = container.get<KeyValueStore>(KeyValueStore);
    return new Candidate(store, around.clock, this.#leasesOn(store), id, (error) =>
      around.events.emit({
        type: 'fault',
        component: `lead of ${id}`,
        correlation: null,
        error,
        at: around.clock.now(),
      }),
    );
  }

  /** Under which others know this instance, where they do. */
  #ownId(): string {
    const { container, around } = this.#options;
    return container.isBound(Instances) ? container.get(Instances).id : around.random.uuid();
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
      if (factory !== undefined) return factoryState(factory, this.#configurations?.otherwise(id) ?? []);
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

  #hookProblems(): GraphProblem[] {
    if (this.#options.hooks.length === 0) return [];
    const alive = this.#graph.nodes.filter((node) => node.isAlive);
    const known = alive.flatMap(({ id, tokens }) => [id, ...tokens]);
    const keys = new Set(alive.flatMap(keysOf));
    return this.#options.hooks
      .filter(({ ready }) => !keys.has(ready))
      .map(({ ready }) => missing(`onReady(${nameOf(ready)})`, undefined, nameOf(ready), known));
  }

  /** Each configuration belongs to a factory of the app, and each factory has one at the most. */
  #configurationProblems(): GraphProblem[] {
    const { configurations } = this.#options;
    const factories = this.#graph.nodes.filter(({ kind }) => kind === 'factory');
    const idOf = (key: unknown): string | undefined => factories.find((node) => keysOf(node).includes(key))?.id;
    return [...groupBy<unknown, Configuration>(configurations, ({ configures }) => configures)].flatMap(
      ([key, given]): GraphProblem[] => {
        const id = idOf(key);
        const sites = given.map(({ declaredAt }) => declaredAt());
        if (id === undefined)
          return [
            missing(
              `configure(${nameOf(key)})`,
              sites[0],
              nameOf(key),
              factories.map((node) => node.id),
            ),
          ];
        return given.length > 1 ? [configuredTwice(id, sites)] : [];
      },
    );
  }

  /** From now on each `Ref` shows what it stands for while that is ready; what has no lifecycle is always there. */
  #tieRefs(instances: ReadonlyMap<string, object>): void {
    const wanted = new Set<unknown>(this.#refs.wanted);
    if (wanted.size === 0) return;
    for (const node of this.#graph.nodes) {
      const keys = keysOf(node).filter((key) => wanted.has(key)) as Dependency[];
      if (keys.length === 0) continue;
      const instance = instances.get(node.id);
      if (instance !== undefined) this.#tied.set(node.id, { keys, instance });
      else for (const key of keys) this.#refs.set(key, this.#options.container.get(key as Class));
    }
  }

  #flipped(id: string, ready: boolean): void {
    if (this.#tied.size === 0) return;
    const tied = this.#tied.get(id);
    if (tied === undefined) return;
    // A leader that stands by is ready, and still not here.
    const current = ready && this.orchestrator.service(id)?.isStarted === true ? tied.instance : undefined;
    for (const key of tied.keys) this.#refs.set(key, current);
  }
}

const NO_OPTIONS: ServiceOptions = {};
const NO_HOOKS: readonly ReadyHook[] = [];

/** Everything that a node answers to. */
function keysOf({ provider }: GraphNode): unknown[] {
  return [...new Set([provider.key, ...provider.aliases.map((alias) => alias.key)])];
}

function groupBy<K, T>(items: readonly T[], keyOf: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}

function factoryState(
  { state, failure, progress, tookMs, epoch }: ManagedFactory,
  otherwise: readonly string[],
): NodeState {
  const reason = failure === undefined ? null : String(failure.details.reason);
  const differsFrom = otherwise.length === 0 ? {} : { differsFrom: otherwise };
  return { ...AT_REST, phase: state, reason, progress, startMs: tookMs, generation: epoch, ...differsFrom };
}

/** Makes it when it is first asked for. */
function once<T extends object>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

/** Everything bound, and what stands for services of other instances, which is bound here for whoever asks for it. */
function withRemotes({ container, foreign, front }: EngineOptions): Provider[] {
  const read = (): Provider[] => readProviders(container, ({ id }) => foreign.has(id));
  const providers = read();
  const remotes = new Set<Class>((front?.dependsOn ?? []).filter(isRemote));
  for (const { wants } of providers) for (const { key } of wants) if (isRemote(key)) remotes.add(key);
  if (remotes.size === 0) return providers;
  for (const each of [Instances, ...remotes]) bindOnce(container, each);
  return read();
}

function bindOnce(container: Container, target: Class): void {
  if (!container.isBound(target)) container.bind(target).toSelf().inSingletonScope();
}

/** What is bound, and the server, which is no part of the container. Values that nobody wants are left out. */
function providersOf(bound: readonly Provider[], front: Front | undefined): Provider[] {
  const providers = [...bound];
  if (front) {
    const wants = front.dependsOn.map((key) => ({ key, name: nameOf(key), terms: PLAIN }));
    const { name } = front;
    providers.push({ key: front, target: front, name, kind: 'factory', aliases: [], wants, declaredAt: undefined });
  }
  const wanted = new Set<unknown>();
  for (const { wants } of providers) for (const { key } of wants) wanted.add(key);
  return providers.filter(
    (p) => p.kind !== 'value' || wanted.has(p.key) || p.aliases.some(({ key }) => wanted.has(key)),
  );
}

/** Ids of everything that is bound now. */
export function bindingIdsOf(container: Container): Set<number> {
  return new Set(bindingsOf(container).map(({ id }) => id));
}
