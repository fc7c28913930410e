/**
 * `createApp()`: puts container, graph, engine, gate and server together; the only file that knows all the others.
 *
 * It never touches the process: signals and exit codes are `runApp`'s.
 */
import { MusterError } from '@muster/contracts';
import { Container } from 'inversify';
import type { AppInspector } from './app-inspector.ts';
import type { AppServer, ServerHost } from './app-server.ts';
import { asBootError, bootAborted, BootFailed } from './boot-failure.ts';
import { bounded, Clock, Random, systemClock, systemRandom } from './clock.ts';
import { bindBuiltIns, bindServices } from './container/bind-services.ts';
import { declarationOf } from './declare/declaration.ts';
import { type Class, type Dependency, nameOf, type Provided } from './declare/dependency.ts';
import { provideValue, type Registration } from './declare/registration.ts';
import { bindingIdsOf, Engine } from './engine.ts';
import { coreError } from './errors.ts';
import { explain } from './graph/explain.ts';
import { Inspection } from './inspection.ts';
import { Interceptor } from './interceptor.ts';
import type { GraphView } from './graph-view.ts';
import { type Door, GATE_DEFAULTS, type GateOptions } from './lifecycle/gate.ts';
import type { StopReport } from './lifecycle/shutdown.ts';
import { EventLog } from './log/event-log.ts';
import { MemoryLog } from './log/memory-log.ts';
import { type AppState, Runtime } from './runtime.ts';
import { RuntimeEvents } from './runtime-event.ts';
import { ScopeManager, type ScopeOptions } from './scopes/scope-manager.ts';
import { Scopes } from './scopes/scopes.ts';
import { notFromContainer, scopedClassesOf, singletonsOf } from './scoped-nodes.ts';
import { ClusterCompatibility } from './state/compatibility.ts';
import { ClusterContract, type ClusterOptions } from './state/contract.ts';
import { Instances } from './state/instances.ts';
import { KeyValueStore } from './state/key-value-store.ts';
import { MemoryStore } from './state/memory-store.ts';

export interface AppOptions {
  /** Classes with a Muster decorator, and registrations made by `provide` and `provideValue`. */
  readonly services?: readonly (Class | Registration)[];
  /** A container that has bindings already; theirs are part of the app. @default a new one */
  readonly container?: Container;
  /** What listens behind the gate; `webSocketServer()` makes one. */
  readonly server?: AppServer;
  /** Lets people and machines look at the app, also while it hangs; `inspector()` of `@muster/inspect` makes one. */
  readonly inspect?: AppInspector;
  readonly gate?: GateOptions;
  readonly boot?: {
    /** Time for the whole boot, in milliseconds; failed attempts are repeated until it ends. @default 120_000 */
    readonly budgetMs?: number;
    /** How many services may be in their first attempt at the same time. @default no limit */
    readonly concurrency?: number;
  };
  readonly stop?: {
    /** Time for the whole stop, in milliseconds; below the ten seconds that platforms give between SIGTERM and SIGKILL. @default 9_000 */
    readonly budgetMs?: number;
  };
  /**
   * The contract of this build, and those that it can live with: an instance keeps its gate closed while an older one with
   * which it cannot work side by side lives on the same store. Makes `Instances` part of the app.
   */
  readonly cluster?: ClusterOptions;
  /** How many scopes a user may have open, and how long their disposal may take. */
  readonly scopes?: ScopeOptions;
  /** Source of time; tests pass a `FakeClock`. @default systemClock */
  readonly clock?: Clock;
  /** Source of randomness; tests pass a seeded one. @default systemRandom */
  readonly random?: Random;
}

export const APP_DEFAULTS = { bootBudgetMs: 120_000, stopBudgetMs: 9_000 } as const;

/** Parts of the stop budget: when runs must have ended, sockets be gone, scopes be closed, services be stopped, and the server be closed. */
export const STOP_SHARES = { runs: 0.45, sockets: 0.55, scopes: 0.65, services: 0.9, server: 0.98 } as const;

/** The report of a stop that had nothing to do. */
const NOTHING: StopReport = { order: [], hung: [], errors: [] };

/** Makes an app; nothing is built or started before `app.start()`. */
export function createApp(options: AppOptions = {}): App {
  return new App(options);
}

export class App {
  readonly events = new RuntimeEvents();
  readonly #options: AppOptions;
  readonly #clock: Clock;
  readonly #container: Container;
  /** Ids of the bindings that were there before ours. */
  readonly #foreign: ReadonlySet<number>;
  #state: AppState = 'new';
  #engine: Engine | undefined;
  #wallMs: number | null = null;
  #isBuilt = false;
  #inspection: Inspection | undefined;
  readonly #scopes: ScopeManager;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  constructor(options: AppOptions) {
    checkBudget('boot.budgetMs', options.boot?.budgetMs);
    checkBudget('stop.budgetMs', options.stop?.budgetMs);
    checkCount('boot.concurrency', options.boot?.concurrency);
    checkCount('scopes.perUser.run', options.scopes?.perUser?.run);
    checkCount('scopes.perUser.connection', options.scopes?.perUser?.connection);
    checkBudget('scopes.disposeMs', options.scopes?.disposeMs);
    checkContract(options.cluster);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#scopes = new ScopeManager(this.#clock, this.events, options.scopes);
    this.#container = options.container ?? new Container({ defaultScope: 'Singleton' });
    this.#foreign = options.container === undefined ? new Set() : bindingIdsOf(options.container);
    this.#bind();
    if (options.inspect !== undefined) this.inspect(options.inspect);
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
    return this.#prepared().view(this.#state, this.#wallMs, { scopes: this.#scopes.view(), limits: this.#limits });
  }

  /**
   * Why a service is up or not, since when, what happens next, and what to do; as text for people.
   *
   * @param name a service's id or the name of a token.
   * @throws MusterError `NODE_UNKNOWN` with near names.
   */
  explain(name: string): string {
    const graph = this.graph();
    return explain(graph.toJSON(), graph.node(name));
  }

  /**
   * Has an inspector look at the app, as the option `inspect` does.
   *
   * @throws MusterError `APP_STATE` when the app has been started, or has an inspector.
   */
  inspect(inspector: AppInspector): void {
    const state = this.#inspection === undefined ? this.#state : 'inspected';
    if (state !== 'new') throw coreError('APP_STATE', { state, wanted: 'inspect()' });
    const { server } = this.#options;
    this.#inspection = new Inspection(inspector, {
      clock: this.#clock,
      events: this.events,
      state: () => this.#state,
      gate: () => this.#engine?.gate.state ?? 'closed',
      graph: () => this.graph(),
      server: server?.watch?.(),
      explain: (name) => this.explain(name),
      find: (dependency) => this.#find(dependency),
    });
  }

  #find<D extends Dependency>(dependency: D): Provided<D> | undefined {
    if (!this.#isBuilt || !this.#container.isBound(dependency as Class)) return undefined;
    return this.#container.get(dependency as Class) as Provided<D>;
  }

  /**
   * Has what a factory prepared made anew, for all instances that share it, while all of them serve with what they have. Then
   * scopes that are open make nothing new any more, and connections are asked to come again.
   *
   * @throws MusterError `FACTORY_NOT_READY`; `FACTORY_FAILED`, after which everything goes on with what it has.
   */
  async renew(factory: Dependency): Promise<void> {
    await this.#prepared().factories.renew(factory);
  }

  /**
   * Stops a running service and starts it again, or starts one that had failed, at once where it would be tried again later.
   * What depends on it stays up, but for what declared `onLoss: 'restart'` or `'stop'`. False where it is on its way already
   * or the app is stopping.
   *
   * @throws MusterError `NODE_UNKNOWN` with near names.
   */
  restart(name: string, cause = 'restart() was called'): boolean {
    const { id } = this.graph().node(name);
    return this.#prepared().orchestrator.restart(id, cause);
  }

  /**
   * The instance of a service.
   *
   * @throws MusterError `APP_STATE` while the app does not run: an unstarted service is of no use to anybody.
   * @throws MusterError `FACTORY_NOT_READY` for a factory that is being made anew.
   * @throws MusterError `NOT_IN_SCOPE` for a scoped class, which only a scope has.
   */
  get<D extends Dependency>(dependency: D): Provided<D> {
    if (this.#state !== 'running')
      throw coreError('APP_STATE', { state: this.#state, wanted: `get(${nameOf(dependency)})` });
    if (declarationOf(dependency as Class)?.kind === 'scoped') throw notFromContainer(dependency);
    const { factories } = this.#prepared();
    if (factories.find(dependency) !== undefined) return factories.ready(dependency) as Provided<D>;
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
    this.#inspection?.begin();
    let engine: Engine | undefined;
    try {
      engine = this.#prepared();
      const { problems } = engine;
      if (problems.length > 0) throw coreError('GRAPH_INVALID', { problems });
      engine.build();
      this.#isBuilt = true;
      await this.#bringUp(engine);
    } catch (error) {
      this.#wallMs = this.#clock.monotonic() - startedAt;
      const failure = await this.#failed(error, engine);
      // An app that is being stopped closes it itself, last.
      if (this.#stopping === undefined) await this.#inspection?.failed();
      if (this.#stopping === undefined) await this.#inspection?.close();
      throw failure;
    }
    this.#wallMs = this.#clock.monotonic() - startedAt;
    this.#state = 'running';
    engine.booted();
    this.events.emit({ type: 'boot-completed', wallMs: this.#wallMs, at: this.#clock.now() });
  }

  async #bringUp(engine: Engine): Promise<void> {
    const { orchestrator, gate, nodes } = engine;
    const { server } = this.#options;
    this.#scopes.adopt(scopedClassesOf(engine.order), singletonsOf(this.#container, nodes));
    if (server) {
      server.attach(this.#hostFor(engine));
      if (server.listensAtOnce) await this.#listen(server);
    }
    this.#throwIfStopping();
    const failed = await orchestrator.start();
    if (failed !== undefined) throw new BootFailed(failed);
    await gate.settled();
    // A gate that could not open at boot is a failed boot: its factories will not mend themselves.
    if (gate.state !== 'open' && gate.failure !== undefined) throw gate.failure;
    this.#throwIfStopping();
    if (server && !server.listensAtOnce) await this.#listen(server);
    this.#throwIfStopping();
  }

  #throwIfStopping(): void {
    if (this.#stopping !== undefined) throw bootAborted('the app is stopping');
  }

  /** @param engine absent when an option of the app is wrong: then there is no graph either. */
  async #failed(error: unknown, engine: Engine | undefined): Promise<unknown> {
    engine?.halt('the boot failed');
    await this.#closeScopes(this.#stopBudgetMs * STOP_SHARES.scopes);
    const stopped = await engine?.orchestrator.stop('the boot failed');
    await this.#partWith('close', this.#stopBudgetMs, () => this.#options.server?.close());
    if (this.#stopping === undefined) this.#state = 'failed';
    const boot = { wallMs: this.#wallMs ?? 0, stopped: stopped?.order ?? [], nodes: engine?.nodes ?? [] };
    const failure = engine === undefined ? error : asBootError(error, { ...boot, graph: this.graph() });
    if (failure instanceof MusterError)
      this.events.emit({ type: 'boot-failed', error: failure, at: this.#clock.now() });
    return failure;
  }

  async #stop(reason: string): Promise<StopReport> {
    if (this.#state === 'failed') {
      await this.#inspection?.close();
      return NOTHING;
    }
    const wasRunning = this.#state === 'running';
    const startedAt = this.#clock.monotonic();
    this.#state = 'stopping';
    this.events.emit({ type: 'stop-started', reason, at: this.#clock.now() });
    const orchestrator = this.#engine?.orchestrator;
    const { server } = this.#options;
    const budgetMs = this.#stopBudgetMs;
    const left = (share: number): number => budgetMs * share - (this.#clock.monotonic() - startedAt);
    this.#engine?.halt(reason);
    const running = wasRunning ? orchestrator : undefined;
    const quiet = running?.drain(reason, budgetMs * STOP_SHARES.runs) ?? Promise.resolve();
    const toDrain = left(STOP_SHARES.sockets);
    // The server keeps to its time itself; this is for one that does not.
    await Promise.all([
      quiet,
      this.#partWith('drain', left(STOP_SHARES.services), () => server?.drain(toDrain, quiet)),
    ]);
    // What is open now is of runs that did not end when told to; it may still need the services.
    const unclosed = await this.#closeScopes(left(STOP_SHARES.scopes));
    const stopped = (await orchestrator?.stop(reason, left(STOP_SHARES.services))) ?? NOTHING;
    const failed = await this.#partWith('close', left(STOP_SHARES.server), () => server?.close());
    const report = withPart(withPart(stopped, 'scopes', unclosed), 'server', failed);
    // A boot that was under way ends with its own error, which belongs to whoever called start().
    await this.#starting?.catch(() => {});
    this.#state = 'stopped';
    const wallMs = this.#clock.monotonic() - startedAt;
    this.events.emit({ type: 'stop-completed', order: report.order, hung: report.hung, wallMs, at: this.#clock.now() });
    await this.#inspection?.close();
    return report;
  }

  /** What is declared about clients, in one place. */
  get #limits(): Readonly<Record<string, number>> | undefined {
    const { maxHeld, holdMs } = { ...GATE_DEFAULTS, ...this.#options.gate };
    const limits = this.#options.server?.limits?.(holdMs);
    return limits === undefined ? undefined : { maxHeld, holdMs, ...limits };
  }

  /**
   * Lets the server drain or close, for as long as it has: one that cannot say goodbye keeps no service from being stopped.
   *
   * @returns what went wrong, which has been told.
   */
  async #partWith(
    method: 'drain' | 'close',
    timeoutMs: number,
    work: () => Promise<void> | undefined,
  ): Promise<unknown> {
    const onTimeout = (): Error =>
      coreError('STOP_TIMEOUT', { service: 'server', method, timeoutMs: Math.round(timeoutMs) });
    try {
      await bounded({ clock: this.#clock, timeoutMs, onTimeout }, async () => work());
      return undefined;
    } catch (error) {
      this.events.emit({ type: 'stop-failed', service: 'server', error, at: this.#clock.now() });
      return error;
    }
  }

  /** Closes what scopes are left, for as long as there is time; those that take longer go on while services stop. */
  async #closeScopes(withinMs: number): Promise<unknown> {
    if (this.#scopes.view() === undefined) return undefined;
    const onTimeout = (): Error =>
      coreError('STOP_TIMEOUT', { service: 'scopes', method: 'close', timeoutMs: Math.round(withinMs) });
    try {
      await bounded({ clock: this.#clock, timeoutMs: withinMs, onTimeout }, () => this.#scopes.closeAll());
      return undefined;
    } catch (error) {
      this.events.emit({ type: 'stop-failed', service: 'scopes', error, at: this.#clock.now() });
      return error;
    }
  }

  get #stopBudgetMs(): number {
    return this.#options.stop?.budgetMs ?? APP_DEFAULTS.stopBudgetMs;
  }

  async #listen(server: AppServer): Promise<void> {
    const address = await server.listen();
    this.events.emit({ type: 'listening', address, at: this.#clock.now() });
  }

  #bind(): void {
    const { random = systemRandom, services = [], cluster } = this.#options;
    bindServices(this.#container, services);
    if (cluster !== undefined) {
      bindServices(this.#container, [provideValue(ClusterContract, cluster), ClusterCompatibility]);
      if (!this.#container.isBound(Instances)) bindServices(this.#container, [Instances]);
    }
    const app = this;
    const faulty =
      (component: string) =>
      (error: unknown): void =>
        this.events.emit({ type: 'fault', component, correlation: null, error, at: this.#clock.now() });
    bindBuiltIns(this.#container, [
      [Clock, () => this.#clock],
      [Random, () => random],
      [RuntimeEvents, () => this.events],
      [Scopes, () => this.#scopes],
      [EventLog, () => new MemoryLog(this.#clock, random, faulty('event log subscriber'))],
      [KeyValueStore, () => new MemoryStore(faulty('key-value store watcher'))],
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
    const { server, boot, stop, gate = {}, services = [], random = systemRandom } = this.#options;
    const stopMs = stop?.budgetMs ?? APP_DEFAULTS.stopBudgetMs;
    return new Engine({
      container: this.#container,
      foreign: this.#foreign,
      hooks: services.filter((entry) => typeof entry === 'object').filter((entry) => 'ready' in entry),
      configurations: services.filter((entry) => typeof entry === 'object').filter((entry) => 'configures' in entry),
      front: server,
      around: { clock: this.#clock, random, events: this.events },
      budgets: { bootMs: boot?.budgetMs ?? APP_DEFAULTS.bootBudgetMs, stopMs, concurrency: boot?.concurrency },
      servicesStopMs: stopMs * STOP_SHARES.services,
      gate,
      open: () => server?.opening(),
      renewed: () => {
        this.#scopes.renewed();
        server?.renewed?.();
      },
      escalated: (service, error) => {
        this.events.emit({ type: 'escalated', service, error, at: this.#clock.now() });
        void this.stop(`${service} is down for good`);
      },
    });
  }

  #hostFor(engine: Engine): ServerHost {
    const { orchestrator, gate, factories } = engine;
    return {
      gate,
      clock: this.#clock,
      random: this.#options.random ?? systemRandom,
      events: this.events,
      state: () => this.#state,
      graph: () => this.graph(),
      get: <D extends Dependency>(dependency: D) => this.#container.get(dependency as Class) as Provided<D>,
      find: (dependency) => this.#find(dependency),
      interceptor: this.#container.isBound(Interceptor as unknown as Class)
        ? this.#container.get<Interceptor>(Interceptor as unknown as Class<Interceptor>)
        : undefined,
      gateOver: (name, dependency) => orchestrator.gate(name, engine.nodesOf(dependency), this.#options.gate ?? {}),
      declared: factories.declared,
      factories: () => factories.resolved,
    };
  }
}

/** The report of a stop in which a part of the app that is no service did or did not close. */
function withPart(report: StopReport, part: 'scopes' | 'server', error: unknown): StopReport {
  if (error === undefined) return report;
  const isHung = error instanceof MusterError && error.code === 'STOP_TIMEOUT';
  const hung = isHung ? [...report.hung, part] : report.hung;
  return { order: report.order, hung, errors: [...report.errors, { service: part, error }] };
}

function checkBudget(option: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
    throw coreError('OPTION_INVALID', { option, expected: 'a positive number of milliseconds', got: String(value) });
  }
}

function checkCount(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return;
  throw coreError('OPTION_INVALID', { option, expected: 'a whole number from 1 on', got: String(value) });
}

function checkContract(cluster: ClusterOptions | undefined): void {
  if (cluster === undefined) return;
  checkCount('cluster.contract', cluster.contract);
  for (const each of cluster.accepts ?? []) checkCount('cluster.accepts', each);
  if (cluster.accepts?.includes(cluster.contract) === false)
    throw coreError('OPTION_INVALID', {
      option: 'cluster.accepts',
      expected: `a list with ${cluster.contract} in it, the contract of this build`,
      got: cluster.accepts.join(', '),
    });
}
