/**
 * Starts services along their edges and takes them down again.
 *
 * A service starts the moment everything it needs is ready: there are no waves, and the boot is as long as its
 * critical path. When a required service fails, everything that was started is stopped in reverse before the boot rejects.
 */
import type { ServiceGraph } from '../graph/service-graph.ts';
import type { StartPlan } from '../graph/start-plan.ts';
import { BootAbandoned } from './boot-abandoned.ts';
import { bootFailure, type BootCause } from './bootstrap-error.ts';
import { Gate, type GateOptions } from './gate.ts';
import { HealthLoop } from './health-loop.ts';
import { type BootBounds, ManagedService, type Surroundings } from './managed-service.ts';
import { Readiness } from './readiness.ts';
import { type StopReport, stopInReverse } from './shutdown.ts';
import type { Service, ServiceOptions } from '../declare/service-contract.ts';

/** Times for the whole boot and the whole stop, in milliseconds. */
export interface Budgets {
  readonly bootMs: number;
  readonly stopMs: number;
}

/** The observer of all services. */
const BOOT = 'the boot';

/** When the boot says what it waits for, in milliseconds after its start; then every ten seconds. */
const WAITING_AT = [1_000, 2_000, 5_000, 10_000] as const;

export class Orchestrator {
  readonly readiness: Readiness;
  readonly #graph: ServiceGraph;
  readonly #around: Surroundings;
  readonly #budgets: Budgets;
  readonly #services = new Map<string, ManagedService>();
  readonly #plan: StartPlan;
  readonly #escalate: (service: string, error: unknown) => void;
  readonly #gates = new Map<string, Gate>();
  readonly #abandon = new AbortController();
  readonly #health: HealthLoop;
  readonly #ready: string[] = [];
  #boot: BootBounds | undefined;
  #active = 0;
  #pumping = false;
  #causes: BootCause[] = [];
  #settled: (() => void) | undefined;
  #stopping: Promise<StopReport> | undefined;

  /** @param escalate called when a required service has died for good; whoever owns the app then stops it. */
  constructor(
    graph: ServiceGraph,
    plan: StartPlan,
    around: Surroundings,
    budgets: Budgets,
    escalate: (service: string, error: unknown) => void = () => {},
  ) {
    this.#escalate = escalate;
    this.#graph = graph;
    this.#plan = plan;
    this.#around = around;
    this.#budgets = budgets;
    this.#health = new HealthLoop(around.clock);
    this.readiness = new Readiness(
      graph.nodes,
      (id) => graph.node(id)?.kind !== 'service',
      (id) => this.#flipped(id),
    );
    const services = graph.nodes.filter((node) => node.kind === 'service').map((node) => node.id);
    this.readiness.watch(BOOT, services);
  }

  /** Makes a gate over `guarded`; it follows their readiness in the same tick as that changes, once the boot has begun. */
  gate(name: string, guarded: readonly string[], options: GateOptions, open?: () => void): Gate {
    const id = `gate ${name}`;
    this.readiness.watch(id, guarded);
    const { readiness } = this;
    const watched = { ready: () => readiness.ready(id), blockedBy: () => readiness.blockedBy(guarded) };
    const gate = new Gate(name, watched, this.#around, options, open);
    this.#gates.set(id, gate);
    return gate;
  }

  /** Takes a constructed service into care; all must be adopted, in plan order, before `start()`. */
  adopt(id: string, instance: Service, options: ServiceOptions): void {
    const changed = (service: ManagedService): void => this.readiness.setOwn(service.id, service.isUp);
    const escalate = (service: ManagedService, error: unknown): void => this.#escalate(service.id, error);
    this.#services.set(id, new ManagedService(id, instance, options, this.#around, changed, escalate));
  }

  service(id: string): ManagedService | undefined {
    return this.#services.get(id);
  }

  /**
   * Starts everything; resolves when all services are up and healthy.
   *
   * @throws MusterError `BOOT_FAILED` with the root causes, after everything started was stopped again.
   */
  async start(): Promise<void> {
    const { clock, events } = this.#around;
    const startedAt = clock.monotonic();
    const budgetMs = this.#budgets.bootMs;
    this.#boot = { signal: this.#abandon.signal, startedAt, endsAt: startedAt + budgetMs, budgetMs };
    events.emit({ type: 'boot-started', services: [...this.#services.keys()], at: clock.now() });
    const over = clock.schedule(budgetMs, () => {
      this.#abandon.abort(new BootAbandoned('budget', `the boot budget of ${budgetMs} ms ended`));
      this.#settleIfDone();
    });
    const reports = this.#reportWaiting(startedAt);
    const settled = new Promise<void>((resolve) => {
      this.#settled = resolve;
    });
    for (const service of this.#services.values()) service.enlist();
    for (const id of this.#services.keys()) if (this.readiness.satisfied(id)) this.#ready.push(id);
    for (const gate of this.#gates.values()) gate.follow();
    this.#pump();
    this.#settleIfDone();
    await settled;
    over.cancel();
    reports.cancel();
    if (this.#isUp) return;
    throw await this.#rollBack(clock.monotonic() - startedAt);
  }

  /** Stops everything in reverse, on its own budget; calling it again gives the same report. */
  stop(reason: string, budgetMs = this.#budgets.stopMs): Promise<StopReport> {
    this.#stopping ??= this.#stop(reason, budgetMs);
    return this.#stopping;
  }

  /** Closes every gate for ever; whoever waits is told. */
  stopGates(): void {
    for (const gate of this.#gates.values()) gate.stop();
  }

  /** Tells every service to finish what is under way. */
  async drain(reason: string, withinMs: number): Promise<void> {
    const { clock, events } = this.#around;
    const drained = [...this.#services.values()].map(async (service) => {
      const error = await service.drain(withinMs, reason);
      if (error !== undefined) events.emit({ type: 'stop-failed', service: service.id, error, at: clock.now() });
    });
    await Promise.all(drained);
  }

  get #isUp(): boolean {
    return this.readiness.ready(BOOT) && this.#causes.length === 0 && !this.#abandon.signal.aborted;
  }

  #flipped(id: string): void {
    if (this.#boot === undefined) return;
    const gate = this.#gates.get(id);
    if (gate) gate.follow();
    else if (id === BOOT) this.#settleIfDone();
    else {
      this.#ready.push(id);
      this.#pump();
    }
  }

  /** Starts whatever may start, in order; a loop and not a recursion, however long the chain. */
  #pump(): void {
    if (this.#pumping || this.#boot === undefined) return;
    this.#pumping = true;
    for (const id of this.#ready) {
      const service = this.#services.get(id);
      if (service === undefined || service.phase !== 'waiting' || this.#abandon.signal.aborted) continue;
      void this.#bringUp(service, this.#boot);
    }
    this.#ready.length = 0;
    this.#pumping = false;
  }

  async #bringUp(service: ManagedService, boot: BootBounds): Promise<void> {
    this.#active += 1;
    try {
      await service.bringUp(boot);
      this.#health.watch(service);
    } catch (error) {
      const victim = boot.signal.aborted && (boot.signal.reason as BootAbandoned).why !== 'budget';
      if (!victim) {
        this.#causes.push({ service: service.id, error });
        if (!boot.signal.aborted) this.#abandon.abort(new BootAbandoned('failure', `${service.id} failed`));
      }
    }
    this.#active -= 1;
    this.#settleIfDone();
  }

  #settleIfDone(): void {
    if (this.#settled === undefined || this.#active > 0) return;
    if (this.#isUp || this.#abandon.signal.aborted) {
      this.#settled();
      this.#settled = undefined;
    }
  }

  async #rollBack(wallMs: number): Promise<Error> {
    const waited = [...this.#services.values()].filter((service) => service.phase === 'waiting');
    const blockedBy = this.readiness.blockedBy(this.#services.keys());
    const failed = this.#causes.length > 0 ? this.#causes.map(({ service }) => service).sort() : blockedBy;
    for (const service of waited)
      service.skip(failed.length > 0 ? `${failed.join(', ')} failed` : 'the app is stopping');
    const { reason } = this.#abandon.signal as { reason: BootAbandoned };
    const order = new Map(this.#plan.order.map((node, index) => [node.id, index]));
    const causes = [...this.#causes].sort((a, b) => (order.get(a.service) ?? 0) - (order.get(b.service) ?? 0));
    const report = await this.stop('the boot failed');
    return bootFailure({
      wallMs,
      causes,
      abandoned: reason,
      blockedBy,
      skipped: waited.map((service) => service.id),
      stopped: report.order,
    });
  }

  async #stop(reason: string, budgetMs: number): Promise<StopReport> {
    this.#health.stop();
    if (!this.#abandon.signal.aborted) this.#abandon.abort(new BootAbandoned('stop', `the app is stopping: ${reason}`));
    this.#settleIfDone();
    return stopInReverse(this.#graph, this.#services, this.#around, reason, budgetMs);
  }

  #reportWaiting(startedAt: number): { cancel(): void } {
    const { clock, events } = this.#around;
    let next = 0;
    let timer = clock.schedule(WAITING_AT[0], report);
    const orchestrator = this;
    function report(): void {
      const elapsedMs = WAITING_AT[next] ?? clock.monotonic() - startedAt;
      const waiting = [...orchestrator.#services.values()]
        .filter(({ phase }) => phase === 'waiting')
        .map(({ id }) => id);
      const blockedBy = orchestrator.readiness.blockedBy(orchestrator.#services.keys());
      events.emit({ type: 'waiting', elapsedMs, blockedBy, waiting, at: clock.now() });
      next += 1;
      const due = WAITING_AT[next];
      timer = clock.schedule(due === undefined ? 10_000 : due - elapsedMs, report);
    }
    return { cancel: () => timer.cancel() };
  }
}
