/**
 * `createApp()`: puts container, graph, engine, gate and server together, and takes them from boot to stop.
 *
 * It never touches the process: signals and exit codes are `runApp`'s.
 */
import { MusterError } from '@muster/contracts';
import { Container } from 'inversify';
import type { AppInspector } from './app-inspector.ts';
import { APP_DEFAULTS, type AppOptions, checkOptions, STOP_SHARES } from './app-options.ts';
import type { AppServer, ServerHost } from './app-server.ts';
import { bindOwn } from './bind-own.ts';
import { asBootError, bootAborted, BootFailed } from './boot-failure.ts';
import { type Clock, systemClock, systemRandom } from './clock.ts';
import { declarationOf } from './declare/declaration.ts';
import { type Class, type Dependency, nameOf, type Provided } from './declare/dependency.ts';
import { Engine } from './engine.ts';
import { coreError } from './errors.ts';
import { explain } from './graph/explain.ts';
import { Inspection } from './inspection.ts';
import { Interceptor } from './interceptor.ts';
import type { GraphView } from './graph-view.ts';
import { type Door, GATE_DEFAULTS } from './lifecycle/gate.ts';
import type { StopReport } from './lifecycle/shutdown.ts';
import { Parting, withPart } from './parting.ts';
import { bindingIdsOf } from './providers.ts';
import { redact } from './redact.ts';
import type { AppState } from './runtime.ts';
import { RuntimeEvents } from './runtime-event.ts';
import { ScopeManager } from './scopes/scope-manager.ts';
import { notFromContainer, scopedClassesOf, singletonsOf } from './scoped-nodes.ts';

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
  readonly #parting: Parting;
  #starting: Promise<void> | undefined;
  #stopping: Promise<StopReport> | undefined;

  constructor(options: AppOptions) {
    checkOptions(options);
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#scopes = new ScopeManager(this.#clock, this.events, options.scopes);
    this.#parting = new Parting(this.#clock, this.events, options.server, this.#scopes);
    this.#container = options.container ?? new Container({ defaultScope: 'Singleton' });
    this.#foreign = options.container === undefined ? new Set() : bindingIdsOf(options.container);
    bindOwn(this.#container, this, this.#clock, this.#scopes, options);
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
    await this.#parting.closeScopes(this.#stopBudgetMs * STOP_SHARES.scopes);
    const stopped = await engine?.orchestrator.stop('the boot failed');
    await this.#parting.close(this.#stopBudgetMs);
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
    this.events.emit({ type: 'stop-started', reason: redact(reason), at: this.#clock.now() });
    const orchestrator = this.#engine?.orchestrator;
    const budgetMs = this.#stopBudgetMs;
    const left = (share: number): number => budgetMs * share - (this.#clock.monotonic() - startedAt);
    this.#engine?.halt(reason);
    const running = wasRunning ? orchestrator : undefined;
    const quiet = running?.drain(reason, budgetMs * STOP_SHARES.runs) ?? Promise.resolve();
    const toDrain = left(STOP_SHARES.sockets);
    await Promise.all([quiet, this.#parting.drain(toDrain, quiet, left(STOP_SHARES.services))]);
    // What is open now is of runs that did not end when told to; it may still need the services.
    const unclosed = await this.#parting.closeScopes(left(STOP_SHARES.scopes));
    const stopped = (await orchestrator?.stop(reason, left(STOP_SHARES.services))) ?? NOTHING;
    const failed = await this.#parting.close(left(STOP_SHARES.server));
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

  get #stopBudgetMs(): number {
    return this.#options.stop?.budgetMs ?? APP_DEFAULTS.stopBudgetMs;
  }

  async #listen(server: AppServer): Promise<void> {
    const address = await server.listen();
    this.events.emit({ type: 'listening', address, at: this.#clock.now() });
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
