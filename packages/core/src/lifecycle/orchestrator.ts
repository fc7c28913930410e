/**
 * Starts services along their edges, keeps them up, and takes them down again.
 *
 * A service starts the moment its own edges are satisfied: there are no waves, and the boot is as long as its critical
 * path. When an essential service fails for good, everything that was started is stopped in reverse before the boot ends.
 */
import { isRequirement } from '../declare/edge.ts';
import type { GraphNode } from '../graph/graph-node.ts';
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
import { isReady, mayStart, type Place, Wiring, type WiringObserver } from './wiring.ts';

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
  readonly #services: ManagedService[] = [];
  readonly #bootPlace: Place;
  readonly #gates = new Map<string, Gate>();
  readonly #health: HealthLoop;
  readonly #deepChecks: DeepChecks;
  /** Services that may start now. */
  readonly #ready: ManagedService[] = [];
  /** Those that are starting, where their number is limited. */
  readonly #starting = new Set<ManagedService>();
  /** Services that were lost since the main gate last opened: it asks them for more than one good word. */
  readonly #lost = new Set<ManagedService>();
  /** Those of them that are up again and have not given a second one. */
  readonly #doubtful = new Set<ManagedService>();
  /** By what a gate guards, all that this rests on. */
  readonly #closures = new Map<readonly Place[], ReadonlySet<Place>>();
  /** Who is to be restarted when a service is back, by that service. */
  readonly #followers = new Map<ManagedService, Set<ManagedService>>();
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
      isDoubted: (service) => this.#isLost(service) && !service.isConfirmed,
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
    const { places } = this.wiring;
    const essential = places.filter(({ node }) => node?.isAlive === true && node.essential);
    this.#bootPlace = this.wiring.watch(BOOT, essential);
  }

  /** Makes a gate over `nodes`; it follows their readiness in the same tick as that changes, once the boot has begun. */
  gate(name: string, nodes: readonly GraphNode[], options: GateOptions, open?: () => void | Promise<void>): Gate {
    const id = `gate ${name}`;
    const guarded = nodes.map((node) => this.wiring.placeOf(node));
    const place = this.wiring.watch(id, guarded);
    const watched = {
      ready: () => isReady(place),
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
    place.gate = gate;
    return gate;
  }

  /** Whether anything that these rest on is back and has not proved itself; others are no business of theirs. */
  #hasDoubtful(guarded: readonly Place[]): boolean {
    if (this.#doubtful.size === 0) return false;
    let closure = this.#closures.get(guarded);
    if (closure === undefined) {
      closure = this.wiring.closure(guarded);
      this.#closures.set(guarded, closure);
    }
    for (const { place } of this.#doubtful) if (closure.has(place)) return true;
    return false;
  }

  /** Takes a constructed service into care; all must be adopted, in plan order, before `start()`. */
  adopt(identity: ServiceIdentity): void {
    const place = this.wiring.placeOf(identity.node);
    place.service = new ManagedService(identity, place, this.#around, this);
    this.#services.push(place.service);
  }

  /** Takes in edges that were seen only when everything was built; before `start()`. */
  rewire(graph: ServiceGraph, plan: StartPlan): void {
    for (const node of graph.nodes) {
      const before = new Set(this.#graph.node(node.id)?.needs);
      for (const { other, terms } of node.edges) {
        if (!before.has(other.id)) this.wiring.link(this.wiring.placeOf(node), this.wiring.placeOf(other), terms);
      }
    }
    this.#graph = graph;
    this.#plan = plan;
  }

  service(id: string): ManagedService | undefined {
    return this.wiring.place(id)?.service;
  }

  /** In the order of the plan. */
  get services(): readonly ManagedService[] {
    return this.#services;
  }

  /** Starts everything; resolves to nothing when all essential services are up, else to what the boot failed of. */
  async start(): Promise<BootFacts | undefined> {
    const { clock } = this;
    const budgetMs = this.#budgets.bootMs;
    this.#hasBegun = true;
    this.#startedAt = clock.monotonic();
    this.boot = { startedAt: this.#startedAt, endsAt: this.#startedAt + budgetMs, budgetMs };
    this.#around.events.emit({ type: 'boot-started', services: this.#services.map(({ id }) => id), at: clock.now() });
    const over = clock.schedule(budgetMs, () => this.#spendBudget(budgetMs));
    const report = new WaitingReport(this, this.#around);
    await new Promise<void>((resolve) => {
      this.#settled = resolve;
      for (const service of this.#services) service.enlist();
      // Bound, but under a condition that nobody fulfils: there is nothing to start, and nobody to miss it.
      for (const place of this.wiring.places) if (place.service === undefined) this.wiring.set(place, true, true, true);
      for (const service of this.#services) if (mayStart(service.place)) this.#ready.push(service);
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
    return !this.#isHalted && (this.service(id)?.restart(cause) ?? false);
  }

  /** The first moment of a stop: closes all gates for ever, and nothing is started any more. */
  halt(): void {
    this.#isHalted = true;
    for (const gate of this.#gates.values()) gate.stop();
  }

  /** Lets services finish what is under way, all at the same time; takes at most `withinMs`. */
  async drain(reason: string, withinMs: number): Promise<void> {
    const { events } = this.#around;
    const drained = this.#services.map(async (service) => {
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
    return mayStart(service.place) && !this.#isHalted;
  }

  changed(service: ManagedService): void {
    const { place, isUp } = service;
    if (!isUp && service.wasUp) this.#lost.add(service);
    if (service.phase !== 'running') {
      this.#health.unwatch(service);
      this.#deepChecks.unwatch(service);
    } else {
      this.#health.watch(service);
      this.#deepChecks.watch(service);
      if (service.health.isSuspect) this.#health.hurry(service);
    }
    const wasDoubtful = this.#doubtful.size > 0 && this.#doubtful.has(service);
    const isDoubtful = isUp && this.#isLost(service) && !service.isConfirmed;
    if (isDoubtful) this.#doubtful.add(service);
    else if (wasDoubtful) this.#doubtful.delete(service);
    // Those that follow a restart go down before anybody hears that there is something to start on.
    if (isUp) this.#restartFollowers(service);
    this.wiring.set(place, isUp, service.isStarted || isUp, service.isSettled);
    // Whether it runs here is more than whether it is ready.
    if (service.identity.candidate !== undefined) this.#owner.flipped(place.id, isReady(place));
    if (this.#starting.size > 0 && this.#starting.delete(service)) this.#pump();
    if (wasDoubtful && !isDoubtful) for (const gate of this.#gates.values()) gate.follow();
  }

  wentDown(service: ManagedService, cause: string): Promise<void> | undefined {
    const down: Promise<unknown>[] = [];
    for (const { from, terms } of service.place.dependents) {
      const follower = from.service;
      if (follower === undefined || (terms.onLoss !== 'restart' && terms.onLoss !== 'stop')) continue;
      if (terms.onLoss === 'restart') this.#followersOf(service).add(follower);
      // One that is starting has begun on what is lost: it begins again.
      const stopped = terms.onLoss === 'stop' || follower.phase === 'starting' ? follower.recycle(cause) : undefined;
      if (stopped) down.push(stopped);
    }
    return down.length === 0 ? undefined : Promise.all(down).then(() => {});
  }

  gaveUp(service: ManagedService, error: unknown): void {
    const { essential, shared } = service.identity.node;
    if (this.#isHalted) return;
    if (!essential) this.#skipAbove(service);
    else if (this.boot !== undefined) {
      // What fails for good in the same tick is a cause as well.
      this.#abandoned?.causes.push({ service: service.id, error });
      this.#abandon('failure', `${service.id} failed`, () => [{ service: service.id, error }]);
    } else if (!shared) this.#owner.escalated(service.id, error);
  }

  flipped(place: Place, ready: boolean): void {
    place.gate?.follow();
    if (place === this.#bootPlace) this.#settleIfUp();
    this.#owner.flipped(place.id, ready);
  }

  unblocked({ service }: Place): void {
    if (!this.#hasBegun || service === undefined) return;
    this.#ready.push(service);
    this.#pump();
  }

  degraded({ id, service }: Place, by: readonly string[]): void {
    if (service?.isStarted !== true) return;
    this.#around.events.emit({ type: 'degraded', service: id, by, at: this.clock.now() });
  }

  /** Whether it was lost since the main gate last opened. */
  #isLost(service: ManagedService): boolean {
    return this.#lost.size > 0 && this.#lost.has(service);
  }

  /** Starts whatever may start, in order; a loop and not a recursion, however long the chain. */
  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    const { concurrency = Number.POSITIVE_INFINITY } = this.#budgets;
    let next = 0;
    for (; next < this.#ready.length && this.#starting.size < concurrency; next += 1) {
      const service = this.#ready[next] as ManagedService;
      if (this.#abandoned !== undefined || this.#isHalted) continue;
      if ((service.phase === 'waiting' || service.phase === 'skipped') && mayStart(service.place)) this.#begin(service);
    }
    this.#ready.splice(0, next);
    this.#isPumping = false;
  }

  #begin(service: ManagedService): void {
    service.begin();
    if (this.boot !== undefined && this.#budgets.concurrency !== undefined && service.phase === 'starting')
      this.#starting.add(service);
  }

  #settleIfUp(): void {
    // After a standstill nothing is up before it was asked.
    if (this.#abandoned === undefined && !this.#isFrozen && isReady(this.#bootPlace)) this.#settled?.();
  }

  /** From this moment on nothing is started; what the boot failed of is noted as it stands now. */
  #abandon(why: AbandonedWhy, text: string, causes: () => readonly BootCause[] = () => []): void {
    if (this.#abandoned !== undefined || this.boot === undefined) return;
    const blockedBy = this.wiring.blockedBy([this.#bootPlace]).filter((id) => id !== BOOT);
    const waited = this.#services.filter((service) => service.phase === 'waiting');
    const reasons = new Map(blockedBy.flatMap((id) => this.#reasonOf(id)));
    this.#abandoned = { why, text, blockedBy, reasons, waited: waited.map(({ id }) => id), causes: [] };
    this.#abandoned.causes.push(...causes());
    const failed = this.#abandoned.causes.length > 0 ? this.#abandoned.causes.map(({ service }) => service) : blockedBy;
    const reason = `${[...failed].sort().join(', ')} failed`;
    if (why !== 'stop') for (const service of waited) service.skip(reason);
    this.#settled?.();
  }

  #reasonOf(id: string): [string, string][] {
    const reason = this.service(id)?.reason ?? null;
    return reason === null ? [] : [[id, withoutDot(reason)]];
  }

  #spendBudget(budgetMs: number): void {
    // Everything was up when the process fell asleep: the round of checks that goes on decides, and not the time slept.
    this.#isOverdue = this.#isFrozen && isReady(this.#bootPlace);
    if (this.#isOverdue) return;
    this.#abandon('budget', `the boot budget of ${budgetMs} ms ended`, () =>
      this.#services
        .filter((service) => service.identity.node.essential && ['starting', 'backoff'].includes(service.phase))
        .map((service) => ({ service: service.id, error: service.spendBudget(budgetMs) })),
    );
  }

  async #rollBack(wallMs: number): Promise<BootFacts> {
    const { why, text, blockedBy, reasons, waited, causes } = this.#abandoned as Abandonment;
    const place = new Map(this.#plan.order.map((node, index) => [node.id, index]));
    const inOrder = [...causes].sort((a, b) => (place.get(a.service) ?? 0) - (place.get(b.service) ?? 0));
    const timeline = this.#services.flatMap((service) => service.story()).sort((a, b) => a.atMs - b.atMs);
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
    return stopInReverse(this.#plan, this.wiring, this.#around, reason, budgetMs);
  }

  #freeze(isFrozen: boolean, lagMs: number): void {
    if (isFrozen) this.#around.events.emit({ type: 'lagged', lagMs: Math.round(lagMs), at: this.clock.now() });
    this.#isFrozen = isFrozen;
    for (const gate of this.#gates.values()) gate.freeze(isFrozen);
    if (isFrozen) return;
    this.#settleIfUp();
    if (this.#isOverdue && !isReady(this.#bootPlace)) this.#spendBudget(this.#budgets.bootMs);
  }

  #followersOf(service: ManagedService): Set<ManagedService> {
    const known = this.#followers.get(service) ?? new Set();
    this.#followers.set(service, known);
    return known;
  }

  #restartFollowers(service: ManagedService): void {
    if (this.#followers.size === 0) return;
    const followers = this.#followers.get(service);
    if (followers === undefined) return;
    this.#followers.delete(service);
    for (const follower of followers) void follower.recycle(`${service.id} was restarted`);
  }

  /** What requires a service that is not tried any more is skipped, and what requires that; optional ones all of them. */
  #skipAbove(service: ManagedService): void {
    const open = [service.place];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      for (const { from, terms } of place.dependents) {
        if (from.service?.phase !== 'waiting' || !isRequirement(terms)) continue;
        from.service.skip(`${service.id} failed`);
        open.push(from);
      }
    }
  }
}
