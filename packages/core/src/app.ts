/**
 * `createApp()`: puts container, graph, engine, gate and server together; the only file that knows all the others.
 *
 * It never touches the process: signals and exit codes are `runApp`'s.
 */
import { MusterError, messageOf } from '@muster/contracts';
import { Container } from 'inversify';
import type { AppServer, GatedFactory, ServerHost } from './app-server.ts';
import { Clock, Random, systemClock, systemRandom } from './clock.ts';
import { bindBuiltIns, bindServices } from './container/bind-services.ts';
import { dependenciesOf, readProviders } from './container/read-container.ts';
import { declarationOf } from './declare/declaration.ts';
import { type Class, type Dependency, nameOf, type Provided } from './declare/dependency.ts';
import type { Registration } from './declare/registration.ts';
import type { Service } from './declare/service-contract.ts';
import { coreError } from './errors.ts';
import { AT_REST, dumpGraph, type NodeState } from './graph/dump.ts';
import { type GraphNode, ServiceGraph } from './graph/service-graph.ts';
import { planStart, type StartPlan } from './graph/start-plan.ts';
import { GraphView } from './graph-view.ts';
import { bootFailure } from './lifecycle/bootstrap-error.ts';
import type { Door, Gate, GateOptions } from './lifecycle/gate.ts';
import { Orchestrator } from './lifecycle/orchestrator.ts';
import type { StopReport } from './lifecycle/shutdown.ts';
import { EventLog } from './log/event-log.ts';
import { MemoryLog } from './log/memory-log.ts';
import { type AppState, Runtime } from './runtime.ts';
import { RuntimeEvents } from './runtime-event.ts';
import { type ScopedClass, scopedClass, ScopedClasses } from './scopes/scoped-classes.ts';

export interface AppOptions {
  /** Classes with a Muster decorator, and registrations made by `provide` and `provideValue`. */
  readonly services?: readonly (Class | Registration)[];
  /** A container that has bindings already; theirs are part of the app. @default a new one */
  readonly container?: Container;
  /** What listens behind the gate; `webSocketServer()` makes one. */
  readonly server?: AppServer;
  readonly gate?: GateOptions;
  readonly boot?: {
    /** Time for the whole boot, in milliseconds; failed attempts are repeated until it ends. @default 120_000 */
    readonly budgetMs?: number;
  };
  readonly stop?: {
    /** Time for the whole stop, in milliseconds; below the ten seconds that platforms give between SIGTERM and SIGKILL. @default 9_000 */
    readonly budgetMs?: number;
  };
  /** Source of time; tests pass a `FakeClock`. @default systemClock */
  readonly clock?: Clock;
  /** Source of randomness; tests pass a seeded one. @default systemRandom */
  readonly random?: Random;
}

export const APP_DEFAULTS = { bootBudgetMs: 120_000, stopBudgetMs: 9_000 } as const;

/** Parts of the stop budget: when runs must have ended, sockets be gone, and services be stopped. */
const STOP_SHARES = { runs: 0.45, sockets: 0.55, services: 0.9 } as const;

/** Makes an app; nothing is built or started before `app.start()`. */
export function createApp(options: AppOptions = {}): App {
  return new App(options);
}

export class App {
  readonly events = new RuntimeEvents();
  readonly #options: AppOptions;
  readonly #clock: Clock;
  readonly #container: Container;
  #state: AppState = 'new';
  #engine: Engine | undefined;
  #wallMs: number | null = null;
  #factories: readonly GatedFactory[] = [];
  #scoped: readonly ScopedClass[] = [];
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  constructor(options: AppOptions) {
    checkBudget('boot.budgetMs', options.boot?.budgetMs);
    checkBudget('stop.budgetMs', options.stop?.budgetMs);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#container = options.container ?? new Container({ defaultScope: 'Singleton' });
    this.#bind();
  }

  get state(): AppState {
    return this.#state;
  }

  /** The gate; it exists from the first look at the graph on. */
  get gate(): Door {
    return this.#prepared().gate;
  }

  /** The graph as it stands now: before start, while starting, running, and after a boot that failed. */
  graph(): GraphView {
    const { graph, plan, orchestrator, gate } = this.#prepared();
    const causes = orchestrator.readiness.causes(plan.order.map(({ id }) => id));
    const stateOf = (id: string): NodeState | undefined => {
      const service = orchestrator.service(id);
      const known = service?.snapshot() ?? (graph.node(id)?.kind === 'service' ? PLANNED : undefined);
      return known === undefined ? undefined : { ...known, blockedBy: causes.get(id) ?? [] };
    };
    const door = { state: gate.state, blockedBy: gate.blockedBy };
    return new GraphView(dumpGraph(graph, plan, { state: this.#state, gate: door, wallMs: this.#wallMs }, stateOf));
  }

  /**
   * The instance of a service.
   *
   * @throws MusterError `APP_STATE` while the app does not run: an unstarted service is of no use to anybody.
   */
  get<D extends Dependency>(dependency: D): Provided<D> {
    if (this.#state !== 'running')
      throw coreError('APP_STATE', { state: this.#state, wanted: `get(${nameOf(dependency)})` });
    return this.#container.get(dependency as Class) as Provided<D>;
  }

  /**
   * Validates everything, builds everything, starts everything, opens the gate and then the port.
   *
   * @throws MusterError `GRAPH_INVALID` with all problems, before anything was built.
   * @throws MusterError `BOOT_FAILED` with the root causes, after what was started was stopped again.
   */
  start(): Promise<void> {
    if (this.#starting === undefined) {
      if (this.#state !== 'new')
        return Promise.reject(coreError('APP_STATE', { state: this.#state, wanted: 'start()' }));
      this.#starting = this.#start();
    }
    return this.#starting;
  }

  /** Stops in the order of the design: gate, runs and sockets, services in reverse, port. Safe at any time, any number of times. */
  stop(reason = 'stop() was called'): Promise<StopReport> {
    this.#stopping ??= this.#stop(reason);
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop('the app was disposed of');
  }

  async #start(): Promise<void> {
    const startedAt = this.#clock.monotonic();
    this.#state = 'starting';
    const engine = this.#prepared();
    const { graph, orchestrator, gate } = engine;
    const { server } = this.#options;
    try {
      if (graph.problems.length > 0) throw coreError('GRAPH_INVALID', { problems: graph.problems });
      this.#build(engine);
      if (server) {
        server.attach(this.#hostFor(engine));
        if (server.listensAtOnce) await this.#listen(server);
      }
      this.#throwIfStopping();
      await orchestrator.start();
      // A gate that could not open at boot is a failed boot: its factories will not mend themselves.
      if (gate.state !== 'open' && gate.failure !== undefined) throw gate.failure;
      if (server && !server.listensAtOnce) await this.#listen(server);
      this.#throwIfStopping();
    } catch (error) {
      this.#wallMs = this.#clock.monotonic() - startedAt;
      const failure = await this.#failed(error, engine);
      throw failure;
    }
    this.#wallMs = this.#clock.monotonic() - startedAt;
    this.#state = 'running';
    this.events.emit({ type: 'boot-completed', wallMs: this.#wallMs, at: this.#clock.now() });
  }

  #throwIfStopping(): void {
    if (this.#stopping !== undefined) throw coreError('ABORTED', { what: 'The boot', reason: 'the app is stopping' });
  }

  async #failed(error: unknown, { orchestrator }: Engine): Promise<MusterError> {
    orchestrator.stopGates();
    const stopped = await orchestrator.stop('the boot failed');
    await this.#options.server?.close();
    const known = error instanceof MusterError && ['BOOT_FAILED', 'GRAPH_INVALID', 'ABORTED'].includes(error.code);
    const failure = known
      ? error
      : bootFailure({
          wallMs: this.#wallMs ?? 0,
          causes: [{ service: culpritOf(error), error }],
          abandoned: undefined,
          blockedBy: [],
          skipped: [],
          stopped: stopped.order,
        });
    if (this.#stopping === undefined) this.#state = 'failed';
    this.events.emit({ type: 'boot-failed', error: failure, at: this.#clock.now() });
    return failure;
  }

  async #stop(reason: string): Promise<StopReport> {
    const nothing: StopReport = { order: [], hung: [], errors: [] };
    if (this.#state === 'failed') return nothing;
    const wasRunning = this.#state === 'running';
    const startedAt = this.#clock.monotonic();
    this.#state = 'stopping';
    this.events.emit({ type: 'stop-started', reason, at: this.#clock.now() });
    const { orchestrator } = this.#prepared();
    const budgetMs = this.#options.stop?.budgetMs ?? APP_DEFAULTS.stopBudgetMs;
    orchestrator.stopGates();
    const quiet = wasRunning ? orchestrator.drain(reason, budgetMs * STOP_SHARES.runs) : Promise.resolve();
    await Promise.all([quiet, this.#options.server?.drain(budgetMs * STOP_SHARES.sockets, quiet)]);
    const left = budgetMs * STOP_SHARES.services - (this.#clock.monotonic() - startedAt);
    const report = await orchestrator.stop(reason, left);
    await this.#options.server?.close();
    // A boot that was under way ends with its own error, which belongs to whoever called start().
    await this.#starting?.catch(() => {});
    this.#state = 'stopped';
    const wallMs = this.#clock.monotonic() - startedAt;
    this.events.emit({ type: 'stop-completed', order: report.order, hung: report.hung, wallMs, at: this.#clock.now() });
    return report;
  }

  async #listen(server: AppServer): Promise<void> {
    const address = await server.listen();
    this.events.emit({ type: 'listening', address, at: this.#clock.now() });
  }

  #bind(): void {
    const { random = systemRandom, services = [] } = this.#options;
    bindServices(this.#container, services);
    const app = this;
    const faulty = (error: unknown): void =>
      this.events.emit({
        type: 'fault',
        component: 'event log subscriber',
        correlation: null,
        error,
        at: this.#clock.now(),
      });
    bindBuiltIns(this.#container, [
      [Clock, () => this.#clock],
      [Random, () => random],
      [RuntimeEvents, () => this.events],
      [ScopedClasses, () => ({ declared: () => this.#scoped })],
      [EventLog, () => new MemoryLog(random, faulty)],
      [
        Runtime,
        () => ({
          get state() {
            return app.state;
          },
          get gate() {
            return app.gate;
          },
          graph: () => app.graph(),
        }),
      ],
    ]);
  }

  #prepared(): Engine {
    this.#engine ??= this.#prepare();
    return this.#engine;
  }

  #prepare(): Engine {
    const providers = readProviders(this.#container);
    const { server } = this.#options;
    if (server) {
      const dependsOn = server.dependsOn.map((key) => ({ key, name: nameOf(key) }));
      providers.push({
        key: server,
        target: server,
        name: server.name,
        kind: 'factory',
        aliases: [],
        dependsOn,
        declaredAt: undefined,
      });
    }
    const wanted = new Set(providers.flatMap((provider) => provider.dependsOn.map(({ key }) => key)));
    const graph = ServiceGraph.from(
      providers.filter((p) => p.kind !== 'value' || wanted.has(p.key) || p.aliases.some(({ key }) => wanted.has(key))),
    );
    const plan = planStart(graph);
    const around = {
      clock: this.#clock,
      random: this.#options.random ?? systemRandom,
      events: this.events,
    };
    const budgets = {
      bootMs: this.#options.boot?.budgetMs ?? APP_DEFAULTS.bootBudgetMs,
      stopMs: this.#options.stop?.budgetMs ?? APP_DEFAULTS.stopBudgetMs,
    };
    const orchestrator = new Orchestrator(graph, plan, around, budgets, (service, error) => {
      this.events.emit({ type: 'escalated', service, error, at: this.#clock.now() });
      void this.stop(`${service} is down for good`);
    });
    const guarded = graph.nodes.filter((node) => node.kind === 'service').map((node) => node.id);
    const gate = orchestrator.gate('main', guarded, this.#options.gate ?? {}, () => this.#open(graph));
    return { graph, plan, orchestrator, gate };
  }

  /** Inversify constructs in plan order, bottom up: from the top it reports false circles in deep graphs. */
  #build({ graph, plan, orchestrator }: Engine): void {
    for (const node of plan.order) {
      if (node.kind !== 'service') continue;
      let instance: Service;
      try {
        instance = this.#container.get(node.key as Class) as Service;
      } catch (error) {
        throw coreError('CONSTRUCT_FAILED', { service: node.id, reason: messageOf(error) }, error);
      }
      orchestrator.adopt(node.id, instance, declarationOf(node.target as Class)?.options ?? {});
    }
    this.#scoped = graph.nodes.filter((node) => node.kind === 'scoped').map((node) => this.#scopedClass(node));
  }

  #scopedClass(node: GraphNode): ScopedClass {
    const target = node.target as Class;
    const resolve = (): unknown[] => dependenciesOf(target).map((key) => this.#container.get(key));
    return scopedClass(node.id, declarationOf(target)?.tag, target, resolve);
  }

  /** Runs while the gate is opening: only now do the factories come into being. */
  #open(graph: ServiceGraph): void {
    if (this.#factories.length === 0) {
      this.#factories = this.#gatedNodes(graph).map((node) => {
        try {
          const instance = this.#container.get(node.key as Class);
          return { name: node.id, tag: declarationOf(node.target as Class)?.tag, instance };
        } catch (error) {
          throw coreError('FACTORY_FAILED', { factory: node.id, reason: messageOf(error) }, error);
        }
      });
    }
    this.#options.server?.opening();
  }

  /** The factories behind the gate, but for the server itself, which exists already. */
  #gatedNodes(graph: ServiceGraph): GraphNode[] {
    return graph.nodes.filter((node) => node.kind === 'factory' && node.target !== this.#options.server);
  }

  #hostFor({ graph, orchestrator, gate }: Engine): ServerHost {
    const owner = (dependency: Dependency): string[] =>
      graph.nodes
        .filter((node) => node.key === dependency || node.tokens.includes(nameOf(dependency)))
        .map(({ id }) => id);
    return {
      gate,
      clock: this.#clock,
      random: this.#options.random ?? systemRandom,
      events: this.events,
      state: () => this.#state,
      graph: () => this.graph(),
      get: <D extends Dependency>(dependency: D) => this.#container.get(dependency as Class) as Provided<D>,
      gateOver: (name, dependency) =>
        orchestrator.gate(name, graph.closure(owner(dependency)), this.#options.gate ?? {}),
      declared: this.#gatedNodes(graph).map((node) => ({
        name: node.id,
        tag: declarationOf(node.target as Class)?.tag,
      })),
      factories: () => this.#factories,
    };
  }
}

/** What is made once from the container's bindings. */
interface Engine {
  readonly graph: ServiceGraph;
  readonly plan: StartPlan;
  readonly orchestrator: Orchestrator;
  readonly gate: Gate;
}

/** What a service shows before it is built. */
const PLANNED: NodeState = { ...AT_REST, phase: 'registered', health: 'unknown' };

function checkBudget(option: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
    throw coreError('OPTION_INVALID', { option, expected: 'a positive number of milliseconds', got: String(value) });
  }
}

/** Whom an error of the boot is about. */
function culpritOf(error: unknown): string {
  const details = error instanceof MusterError ? error.details : {};
  const name = details.service ?? details.factory;
  return typeof name === 'string' ? name : 'server';
}
