/**
 * Starts services along their edges, keeps them up, and takes them down again.
 *
 * A service starts the moment its own edges are satisfied: there are no waves, and the boot is as long as its critical
 * path. When an essential service fails for good, everything that was started is stopped in reverse before the boot ends.
 */
import type { ServiceGraph } from '../graph/service-graph.ts';
import type { StartPlan } from '../graph/start-plan.ts';
import type { AbandonedWhy } from './abandoned.ts';
import type { BootCause, BootFacts } from './bootstrap-error.ts';
import { withoutDot } from './bring-up.ts';
import { DeepChecks } from './deep-checks.ts';
import { EngineClock } from './engine-clock.ts';
import { Gate, type GateOptions } from './gate.ts';
import { HealthLoop } from './health-loop.ts';
import { type Keeper, ManagedService } from './managed-service.ts';
import type { ServiceIdentity } from './service-identity.ts';
import { type StopReport, stopInReverse } from './shutdown.ts';
import type { Surroundings } from './surroundings.ts';
import { WaitingReport } from './waiting-report.ts';
import { Wiring, type WiringObserver } from './wiring.ts';

/** Times for the whole boot and the whole stop, in milliseconds. */
export interface Budgets {
  readonly bootMs: number;
  readonly stopMs: number;
  /** How many services may be starting at the same time while the app boots. @default no limit */
  readonly concurrency?: number | undefined;
}

/** What an engine tells whoever owns it. */
export interface Owner {
  /** An essential service has died for good: the app should stop. */
  escalated(service: string, error: unknown): void;
  /** A node has become ready or is no longer. */
  flipped(id: string, ready: boolean): void;
}

/** Why a boot was given up, and how things stood then. */
interface Abandonment {
  readonly why: AbandonedWhy;
  readonly text: string;
  readonly blockedBy: readonly string[];
  readonly reasons: ReadonlyMap<string, string>;
  readonly waited: readonly string[];
  readonly causes: BootCause[];
}

/** The name of the app's own gate. */
export const MAIN = 'main';

/** The observer of all essential services. */
const BOOT = 'the boot';

export class Orchestrator implements Keeper, WiringObserver {
  readonly wiring: Wiring;
  /** The engine's own time: gates and servers that share it share its timers. */
  readonly clock: EngineClock;
  #graph: ServiceGraph;
  #plan: StartPlan;
  readonly #around: Surroundings;
  readonly #budgets: Budgets;
  readonly #owner: Owner;
  readonly #services = new Map<string, ManagedService>();
  readonly #gates = new Map<string, Gate>();
  readonly #health: HealthLoop;
  readonly #deepChecks: DeepChecks;
  /** Ids of services that may start now. */
  readonly #ready: string[] = [];
  /** Those that are starting, where their number is limited. */
  readonly #starting = new Set<string>();
  /** Services that were lost since the main gate last opened: it asks them for more than one good word. */
  readonly #lost = new Set<ManagedService>();
  /** Those of them that are up again and have not given a second one. */
  readonly #doubtful = new Set<ManagedService>();
  /** By the guarded ids of a gate, all that these rest on. */
  readonly #closures = new Map<readonly string[], ReadonlySet<string>>();
  /** Who is to be restarted when a service is back, by the id of that service. */
  readonly #followers = new Map<string, Set<string>>();
  boot: Keeper['boot'];
  #startedAt = 0;
  #hasBegun = false;
  #abandoned: Abandonment | undefined;
  #settled: (() => void) | undefined;
  #isPumping = false;
  #isHalted = false;
  #isFrozen = false;
  /** The boot budget ended during a round of checks. */
  #isOverdue = false;
  #stopping: Promise<StopReport> | undefined;

  constructor(graph: ServiceGraph, plan: StartPlan, around: Surroundings, budgets: Budgets, owner: Owner) {
    this.clock = new EngineClock(around.clock);
    this.#graph = graph;
    this.#plan = plan;
    this.#around = { ...around, clock: this.clock };
    this.#budgets = budgets;
    this.#owner = owner;
    this.#health = new HealthLoop(this.clock, around.events, {
      doubted: (lagMs) => this.#freeze(true, lagMs),
      trusted: () => this.#freeze(false, 0),
      isDoubted: (service) => this.#lost.has(service) && !service.isConfirmed,
    });
    this.#deepChecks = new DeepChecks({
      clock: this.clock,
      permit: () => (this.#gates.get(`gate ${MAIN}`) as Gate).probePermit(),
      told: (service, verdict) => around.events.emit({ type: 'deep-check', service, verdict, at: this.clock.now() }),
    });
    this.wiring = new Wiring(
      graph.nodes,
      () => (this.#hasBegun ? this.clock.monotonic() - this.#startedAt : null),
      this,
    );
    const lives = graph.nodes.filter((node) => node.kind === 'service' || node.kind === 'task');
    this.wiring.watch(
      BOOT,
      lives.filter((node) => node.essential).map((node) => node.id),
    );
  }

  /** Makes a gate over `guarded`; it follows their readiness in the same tick as that changes, once the boot has begun. */
  gate(name: string, guarded: readonly string[], options: GateOptions, open?: () => void | Promise<void>): Gate {
    const id = `gate ${name}`;
    this.wiring.watch(id, guarded);
    const watched = {
      ready: () => this.wiring.ready(id),
      confirmed: () => !this.#hasDoubtful(guarded),
      blockedBy: () => this.wiring.blockedBy(guarded),
    };
    const gate = new Gate(name, watched, this.#around, options, open);
    gate.onMove((state) => {
      if (state !== 'open' || name !== MAIN) return;
      this.#lost.clear();
      this.#doubtful.clear();
      this.#deepChecks.opened();
    });
    this.#gates.set(id, gate);
    return gate;
  }

  /** Whether anything that these rest on is back and has not proved itself; others are no business of theirs. */
  #hasDoubtful(guarded: readonly string[]): boolean {
    if (this.#doubtful.size === 0) return false;
    let closure = this.#closures.get(guarded);
    if (closure === undefined) {
      closure = this.wiring.closure(guarded);
      this.#closures.set(guarded, closure);
    }
    for (const { id } of this.#doubtful) if (closure.has(id)) return true;
    return false;
  }

  /** Takes a constructed service into care; all must be adopted, in plan order, before `start()`. */
  adopt(identity: ServiceIdentity): void {
    this.#services.set(identity.id, new ManagedService(identity, this.#around, this));
  }

  /** Takes in edges that were seen only when everything was built; before `start()`. */
  rewire(graph: ServiceGraph, plan: StartPlan): void {
    for (const node of graph.nodes) {
      const before = new Set(this.#graph.node(node.id)?.needs);
      for (const edge of node.edges) if (!before.has(edge.to)) this.wiring.link(node.id, edge.to, edge);
    }
    this.#graph = graph;
    this.#plan = plan;
  }

  service(id: string): ManagedService | undefined {
    return this.#services.get(id);
  }

  get services(): Iterable<ManagedService> {
    return this.#services.values();
  }

  /** Starts everything; resolves to nothing when all essential services are up, else to what the boot failed of. */
  async start(): Promise<BootFacts | undefined> {
    const { clock } = this;
    const budgetMs = this.#budgets.bootMs;
    this.#hasBegun = true;
    this.#startedAt = clock.monotonic();
    this.boot = { startedAt: this.#startedAt, endsAt: this.#startedAt + budgetMs, budgetMs };
    this.#around.events.emit({ type: 'boot-started', services: [...this.#services.keys()], at: clock.now() });
    const over = clock.schedule(budgetMs, () => this.#spendBudget(budgetMs));
    const report = new WaitingReport(this, this.#around);
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      for (const service of this.#services.values()) service.enlist();
      // Bound, but under a condition that nobody fulfils: there is nothing to start, and nobody to miss it.
      for (const { id } of this.#graph.nodes) {
        if (!this.#services.has(id)) this.wiring.set(id, true, true, true);
      }
      for (const id of this.#services.keys()) if (this.wiring.mayStart(id)) this.#ready.push(id);
      for (const gate of this.#gates.values()) gate.follow();
      this.#pump();
      this.#settleIfUp();
      if (this.#abandoned !== undefined) resolve();
    });
    over.cancel();
    report.cancel();
    if (this.#abandoned === undefined) {
      this.boot = undefined;
      return undefined;
    }
    return this.#rollBack(clock.monotonic() - this.#startedAt);
  }

  /** Restarts a service on somebody's word. False where it can be neither stopped nor started now. */
  restart(id: string, cause: string): boolean {
    return !this.#isHalted && (this.#services.get(id)?.restart(cause) ?? false);
  }

  /** The first moment of a stop: closes all gates for ever, and nothing is started any more. */
  halt(): void {
    this.#isHalted = true;
    for (const gate of this.#gates.values()) gate.stop();
  }

  /** Lets services finish what is under way, all at the same time; takes at most `withinMs`. */
  async drain(reason: string, withinMs: number): Promise<void> {
    const { events } = this.#around;
    const drained = [...this.#services.values()].map(async (service) => {
      const error = await service.drain(withinMs, reason);
      if (error !== undefined) events.emit({ type: 'stop-failed', service: service.id, error, at: this.clock.now() });
    });
    await Promise.all(drained);
  }

  /** Stops everything in reverse; a boot that is under way ends with it. */
  stop(reason: string, budgetMs = this.#budgets.stopMs): Promise<StopReport> {
    this.#stopping ??= this.#stop(reason, budgetMs);
    return this.#stopping;
  }

  mayStart(service: ManagedService): boolean {
    return this.wiring.mayStart(service.id) && !this.#isHalted;
  }

  changed(service: ManagedService): void {
    const { id, isUp } = service;
    if (!isUp && service.wasUp) this.#lost.add(service);
    if (service.phase !== 'running') {
      this.#health.unwatch(service);
      this.#deepChecks.unwatch(service);
    } else {
      this.#health.watch(service);
      this.#deepChecks.watch(service);
      if (service.health.isSuspect) this.#health.hurry(service);
    }
    const wasDoubtful = this.#doubtful.has(service);
    const isDoubtful = isUp && this.#lost.has(service) && !service.isConfirmed;
    if (isDoubtful) this.#doubtful.add(service);
    else this.#doubtful.delete(service);
    // Those that follow a restart go down before anybody hears that there is something to start on.
    if (isUp) this.#restartFollowers(service);
    this.wiring.set(id, isUp, service.isStarted || isUp, service.isSettled);
    // Whether it runs here is more than whether it is ready.
    if (service.identity.candidate !== undefined) this.#owner.flipped(id, this.wiring.ready(id));
    if (this.#starting.delete(id)) this.#pump();
    if (wasDoubtful && !isDoubtful) for (const gate of this.#gates.values()) gate.follow();
  }

  wentDown(service: ManagedService, cause: string): Promise<void> | undefined {
    const down: Promise<unknown>[] = [];
    for (const { id, when } of this.wiring.following(service.id)) {
      if (when === 'restart') this.#followersOf(service.id).add(id);
      const follower = this.#services.get(id);
      // One that is starting has begun on what is lost: it begins again.
      const stopped = when === 'stop' || follower?.phase === 'starting' ? follower?.recycle(cause) : undefined;
      if (stopped) down.push(stopped);
    }
    return down.length === 0 ? undefined : Promise.all(down).then(() => {});
  }

  gaveUp(service: ManagedService, error: unknown): void {
    const { essential, shared } = service.identity;
    if (this.#isHalted) return;
    if (!essential) this.#skipAbove(service);
    else if (this.boot !== undefined) {
      // What fails for good in the same tick is a cause as well.
      this.#abandoned?.causes.push({ service: service.id, error });
      this.#abandon('failure', `${service.id} failed`, () => [{ service: service.id, error }]);
    } else if (!shared) this.#owner.escalated(service.id, error);
  }

  flipped(id: string, ready: boolean): void {
    this.#gates.get(id)?.follow();
    if (id === BOOT) this.#settleIfUp();
    this.#owner.flipped(id, ready);
  }

  unblocked(id: string): void {
    if (!this.#hasBegun) return;
    this.#ready.push(id);
    this.#pump();
  }

  degraded(id: string, by: readonly string[]): void {
    if (this.#services.get(id)?.isStarted !== true) return;
    this.#around.events.emit({ type: 'degraded', service: id, by, at: this.clock.now() });
  }

  /** Starts whatever may start, in order; a loop and not a recursion, however long the chain. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const { concurrency = Number.POSITIVE_INFINITY } = this.#budgets;
    let next = 0;
    for (; next < this.#ready.length && this.#starting.size < concurrency; next += 1) {
      const id = this.#ready[next] as string;
      const service = this.#services.get(id);
      if (service === undefined || this.#abandoned !== undefined || this.#isHalted) continue;
      if ((service.phase === 'waiting' || service.phase === 'skipped') && this.wiring.mayStart(id))
        this.#begin(service);
    }
    this.#ready.splice(0, next);
    this.#isPumping = false;
  }

  #begin(service: ManagedService): void {
    service.begin();
    if (this.boot !== undefined && this.#budgets.concurrency !== undefined && service.phase === 'starting')
      this.#starting.add(service.id);
  }

  #settleIfUp(): void {
    // After a standstill nothing is up before it was asked.
    if (this.#abandoned === undefined && !this.#isFrozen && this.wiring.ready(BOOT)) this.#settled?.();
  }

  /** From this moment on nothing is started; what the boot failed of is noted as it stands now. */
  #abandon(why: AbandonedWhy, text: string, causes: () => readonly BootCause[] = () => []): void {
    if (this.#abandoned !== undefined || this.boot === undefined) return;
    const blockedBy = this.wiring.blockedBy([BOOT]).filter((id) => id !== BOOT);
    const waited = [...this.#services.values()].filter((service) => service.phase === 'waiting');
    const reasons = new Map(blockedBy.flatMap((id) => this.#reasonOf(id)));
    this.#abandoned = { why, text, blockedBy, reasons, waited: waited.map(({ id }) => id), causes: [] };
    this.#abandoned.causes.push(...causes());
    const failed = this.#abandoned.causes.length > 0 ? this.#abandoned.causes.map(({ service }) => service) : blockedBy;
    const reason = `${[...failed].sort().join(', ')} failed`;
    if (why !== 'stop') for (const service of waited) service.skip(reason);
    this.#settled?.();
  }

  #reasonOf(id: string): [string, string][] {
    const reason = this.#services.get(id)?.reason ?? null;
    return reason === null ? [] : [[id, withoutDot(reason)]];
  }

  #spendBudget(budgetMs: number): void {
    // Everything was up when the process fell asleep: the round of checks that goes on decides, and not the time slept.
    this.#isOverdue = this.#isFrozen && this.wiring.ready(BOOT);
    if (this.#isOverdue) return;
    this.#abandon('budget', `the boot budget of ${budgetMs} ms ended`, () =>
      [...this.#services.values()]
        .filter((service) => service.identity.essential && ['starting', 'backoff'].includes(service.phase))
        .map((service) => ({ service: service.id, error: service.spendBudget(budgetMs) })),
    );
  }

  async #rollBack(wallMs: number): Promise<BootFacts> {
    const { why, text, blockedBy, reasons, waited, causes } = this.#abandoned as Abandonment;
    const place = new Map(this.#plan.order.map((node, index) => [node.id, index]));
    const inOrder = [...causes].sort((a, b) => (place.get(a.service) ?? 0) - (place.get(b.service) ?? 0));
    const timeline = [...this.#services.values()].flatMap((service) => service.story()).sort((a, b) => a.atMs - b.atMs);
    const report = await this.stop('the boot failed');
    return {
      wallMs,
      causes: inOrder,
      abandoned: { why, text },
      blockedBy,
      reasons,
      skipped: waited,
      stopped: report.order,
      timeline,
    };
  }

  async #stop(reason: string, budgetMs: number): Promise<StopReport> {
    this.halt();
    this.#health.stop();
    this.#deepChecks.stop();
    this.#abandon('stop', reason);
    return stopInReverse(this.#graph, this.#plan, this.#services, this.#around, reason, budgetMs);
  }

  #freeze(isFrozen: boolean, lagMs: number): void {
    if (isFrozen) this.#around.events.emit({ type: 'lagged', lagMs: Math.round(lagMs), at: this.clock.now() });
    this.#isFrozen = isFrozen;
    for (const gate of this.#gates.values()) gate.freeze(isFrozen);
    if (isFrozen) return;
    this.#settleIfUp();
    if (this.#isOverdue && !this.wiring.ready(BOOT)) this.#spendBudget(this.#budgets.bootMs);
  }

  #followersOf(id: string): Set<string> {
    const known = this.#followers.get(id) ?? new Set();
    this.#followers.set(id, known);
    return known;
  }

  #restartFollowers(service: ManagedService): void {
    const followers = this.#followers.get(service.id);
    if (followers === undefined) return;
    this.#followers.delete(service.id);
    for (const id of followers) void this.#services.get(id)?.recycle(`${service.id} was restarted`);
  }

  /** What requires a service that is not tried any more is skipped, and what requires that; optional ones all of them. */
  #skipAbove(service: ManagedService): void {
    const open = [service.id];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const above of this.wiring.requiring(id)) {
        const other = this.#services.get(above);
        if (other?.phase !== 'waiting') continue;
        other.skip(`${service.id} failed`);
        open.push(above);
      }
    }
  }
}
