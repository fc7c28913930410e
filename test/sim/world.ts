/**
 * A whole app under a simulated clock, with simulated services, and a watch over what must never happen.
 */
import {
  type App,
  createApp,
  optional,
  type Permit,
  type Ref,
  type Registration,
  onReady,
  type RuntimeEvent,
  service,
  type StopContext,
  task,
} from '@muster/core';
import { FakeClock, SeededRandom } from '@muster/core/testing';
import { Actor, type Audience } from './actor.ts';
import { Model } from './model.ts';
import type { NodeSketch, Sketch } from './sketch.ts';

/** What a run has found to be wrong. */
export interface Violation {
  /** Name of the invariant. */
  readonly invariant: string;
  readonly text: string;
  readonly atMs: number;
}

/** A round of checks takes at most the longest timeout of any of them, in milliseconds. */
const ROUND_MS = 300;

type Made = new (...args: any[]) => object;

export class World implements Audience {
  readonly clock = new FakeClock();
  readonly sketch: Sketch;
  readonly app: App;
  readonly model: Model;
  readonly actors: readonly Actor[];
  readonly violations: Violation[] = [];
  readonly story: string[] = [];
  readonly refs: { readonly holder: string; readonly to: string; readonly ref: Ref<unknown> }[] = [];
  readonly permits: { readonly permit: Permit; readonly opening: number }[] = [];
  calm = false;
  /** Something has happened since the last look. */
  isDirty = true;
  /** How often the invariants were looked at. */
  looks = 0;
  /** Timers of the actors themselves. */
  ownTimers = 0;
  /** Time in which nobody ran, in milliseconds. */
  frozenMs = 0;
  /** How often the main gate has opened. */
  openings = 0;
  closedAt = 0;
  /** The process has stood still: until when each has to have answered, and for so long nobody knows. */
  #doubt: { readonly toAnswer: Map<string, number>; readonly untilMs: number } | undefined;
  /** Reasons of stops that are the app's own. */
  readonly stopReasons = new Set(['the boot failed']);
  stopBegan = false;
  escalated: string | undefined;
  readonly generations = new Map<string, number>();
  readonly #byId: ReadonlyMap<string, Actor>;

  constructor(sketch: Sketch) {
    this.sketch = sketch;
    this.model = new Model(sketch);
    this.actors = sketch.nodes.map((node, i) => new Actor(node, sketch.seed * 1_009 + i, sketch.roughness, this));
    this.#byId = new Map(this.actors.map((actor) => [actor.id, actor]));
    this.app = createApp({
      services: this.#declare(),
      clock: this.clock,
      random: new SeededRandom(sketch.seed + 1),
      gate: sketch.gate,
      boot: { budgetMs: sketch.bootBudgetMs },
      stop: { budgetMs: sketch.stopBudgetMs },
    });
    this.app.events.onListenerFault((error) => this.violate('no fault', String(error)));
    this.app.events.on((event) => this.#hear(event));
  }

  actor(id: string): Actor {
    return this.#byId.get(id) as Actor;
  }

  get nowMs(): number {
    return this.clock.monotonic();
  }

  violate(invariant: string, text: string): void {
    this.violations.push({ invariant, text, atMs: this.nowMs });
    this.said(`VIOLATION of "${invariant}": ${text}`);
  }

  said(text: string): void {
    this.story.push(`${String(Math.round(this.nowMs)).padStart(7)}  ${text}`);
  }

  timer(delayMs: number, callback: () => void): void {
    this.ownTimers += 1;
    this.clock.schedule(delayMs, () => {
      this.ownTimers -= 1;
      callback();
    });
  }

  freeze(ms: number): void {
    this.said(`— nobody runs for ${ms} ms`);
    this.frozenMs += ms;
    this.clock.freeze(ms);
  }

  /** Called by an actor the moment the engine calls it. */
  entered(actor: Actor, method: string, ctx?: StopContext): void {
    this.isDirty = true;
    if (method !== 'check') this.said(`${actor.id}.${method}()${ctx === undefined ? '' : ` because ${ctx.reason}`}`);
    if (method === 'start') this.#mayBeStarted(actor);
    if (method === 'stop') this.#mayBeStopped(actor, ctx as StopContext);
    if (method === 'check' && this.#doubt?.toAnswer.has(actor.id) === true) {
      this.#doubt.toAnswer.set(actor.id, this.nowMs + (actor.sketch.options.health?.timeoutMs ?? 1_000));
    }
  }

  /** Called when a check has answered. */
  answered(id: string): void {
    this.#doubt?.toAnswer.delete(id);
  }

  #hear(event: RuntimeEvent): void {
    this.isDirty = true;
    this.#tell(event);
    if (event.type === 'moved' && event.machine === 'gate') this.#gateMoved(event.to);
    this.model.hear(event, (id) => this.#firstHealth(id));
    if (event.type === 'stop-started') {
      this.stopBegan = true;
      this.stopReasons.add(event.reason);
    }
    if (event.type === 'moved' && event.machine === 'service') this.#serviceMoved(event.subject, event.to);
    if (event.type === 'health-changed' && event.to === 'unhealthy') this.#turnedUnhealthy(event.service, event.reason);
    if (event.type === 'lagged') this.#doubtEverything();
    if (event.type === 'crashed') this.#crashed(event.service, event.restartInMs, event.failures);
    if (event.type === 'escalated') this.#escalated(event.service);
    if (event.type === 'fault') this.violate('no fault', `${event.component}: ${String(event.error)}`);
  }

  #tell(event: RuntimeEvent): void {
    if (event.type === 'moved') this.said(`  ${event.machine} ${event.subject}: ${event.from} → ${event.to}`);
    else if (event.type === 'health-changed') this.said(`  ${event.service} is ${event.to}: ${event.reason ?? ''}`);
    else if (event.type === 'crashed') this.said(`  ${event.service} crashed, again in ${event.restartInMs} ms`);
    else if (event.type !== 'waiting' && event.type !== 'progress') this.said(`  ${event.type}`);
  }

  #firstHealth(id: string): string {
    const { sketch, try: last } = this.actor(id);
    const said = sketch.has.check ? last?.answer : last?.reported;
    return said === 'degraded' ? 'degraded' : 'healthy';
  }

  #mayBeStarted(actor: Actor): void {
    const node = this.model.node(actor.id);
    for (const edge of node.edges) {
      if (!this.model.releases(edge)) this.violate('starts after its edges', `${actor.id} started before ${edge.to}`);
    }
    if (this.stopBegan) this.violate('nothing starts in a stop', `${actor.id} was started after the stop began`);
    if (actor.isEntered && actor.sketch.has.stop)
      this.violate('stop between two starts', `${actor.id} was started twice without a stop`);
    const open = actor.openStops.filter((deadline) => deadline > this.nowMs);
    if (open.length > 0) this.violate('no start during a stop of its own', `${actor.id} was started while stop() ran`);
  }

  #mayBeStopped(actor: Actor, ctx: StopContext): void {
    if (!actor.everEntered && actor.sketch.has.start) {
      this.violate('stop only after start', `${actor.id} was stopped and had never been started`);
    }
    // The actor has not noted this call yet: what is open is another one.
    if (actor.openStops.some((deadline) => deadline > this.nowMs)) {
      this.violate('no two stops at once', `stop() of ${actor.id} was called while it ran`);
    }
    if (!this.stopReasons.has(ctx.reason)) return;
    for (const dependent of this.model.dependents(actor.id)) {
      if (['starting', 'running', 'backoff', 'completed', 'stopping'].includes(dependent.phase)) {
        this.violate('stops after its dependents', `${actor.id} stopped while ${dependent.id} was ${dependent.phase}`);
      }
      // A start may succeed at any time after it was given up, so the stop of that is none of this.
      const { openStops, lastStopWasLate } = this.actor(dependent.id);
      if (!lastStopWasLate && openStops.some((deadline) => deadline > this.nowMs)) {
        this.violate('stops after its dependents', `${actor.id} stopped while stop() of ${dependent.id} ran`);
      }
    }
  }

  #serviceMoved(id: string, to: string): void {
    const actor = this.actor(id);
    this.answered(id);
    if ((to === 'running' || to === 'completed') && !actor.isPublished) {
      this.violate('published when proven', `${id} is ${to} before start, health and hooks had succeeded`);
    }
  }

  #turnedUnhealthy(id: string, reason: string | null): void {
    const actor = this.actor(id);
    const { failures = 3 } = actor.sketch.options.health ?? {};
    const isPushed = actor.try?.reported === 'unhealthy' || reason?.includes('stale') === true;
    if (!isPushed && actor.badAnswers < failures) {
      this.violate(
        'one failed probe changes nothing',
        `${id} turned unhealthy after ${actor.badAnswers} of ${failures}`,
      );
    }
  }

  #gateMoved(to: string): void {
    if (to === 'open') this.openings += 1;
    if (to === 'closed') this.closedAt = this.nowMs;
    if (to === 'open' && this.openings > 1 && this.nowMs - this.closedAt < this.sketch.gate.dwellMs) {
      this.violate('a gate dwells', `it opened again after ${this.nowMs - this.closedAt} ms`);
    }
    if (this.#doubt === undefined || to === 'stopped') return;
    const open = [...this.#doubt.toAnswer].filter(([, untilMs]) => this.nowMs < untilMs).map(([id]) => id);
    if (open.length > 0) this.violate('no gate moves before a round of checks', `${open.join()} had not answered`);
    this.#doubt = undefined;
  }

  #doubtEverything(): void {
    const running = this.model.nodes.filter((node) => node.phase === 'running' && this.actor(node.id).sketch.has.check);
    this.#doubt = {
      toAnswer: new Map(running.map(({ id }) => [id, Number.POSITIVE_INFINITY])),
      untilMs: this.nowMs + ROUND_MS,
    };
  }

  /** True while a gate may stand as it is although nobody knows whether it should. */
  get isInDoubt(): boolean {
    if (this.#doubt !== undefined && this.nowMs > this.#doubt.untilMs) this.#doubt = undefined;
    return this.#doubt !== undefined;
  }

  #crashed(id: string, restartInMs: number | null, failures: number): void {
    const node = this.model.node(id);
    const limit = this.actor(id).sketch.options.restart?.limit ?? 10;
    const isEndless = node.shared || !node.essential;
    if (restartInMs !== null && !isEndless && failures > limit) {
      this.violate('restarts are bounded', `${id} is restarted after ${failures} failures of at most ${limit}`);
    }
    if (restartInMs !== null && this.actor(id).sketch.options.restart?.when === 'never') {
      this.violate('never means never', `${id} is restarted`);
    }
  }

  #escalated(id: string): void {
    const node = this.model.node(id);
    this.escalated = id;
    if (!node.essential || node.shared) {
      this.violate('only essential services escalate', `${id} took the app down`);
    }
  }

  #declare(): (Made | Registration)[] {
    const classes: Made[] = [];
    const entries: (Made | Registration)[] = [];
    for (const [i, node] of this.sketch.nodes.entries()) {
      const made = this.#classFor(node, this.actors[i] as Actor, classes);
      classes.push(made);
      entries.push(made);
      if (node.has.hook) entries.push(onReady(made as new () => object, () => this.actor(node.id).hook()));
    }
    return entries;
  }

  #classFor(node: NodeSketch, actor: Actor, classes: readonly Made[]): Made {
    const injected = node.edges.filter(({ kind }) => kind !== 'after');
    const made = {
      [node.id]: class {
        constructor(...args: unknown[]) {
          injected.forEach((edge, i) => {
            if (edge.kind === 'optional')
              refs.push({ holder: node.id, to: `S${edge.to}`, ref: args[i] as Ref<unknown> });
          });
        }
      },
    }[node.id] as Made;
    const { refs } = this;
    Object.assign(made.prototype, actor.service());
    const dependsOn = injected.map(({ to, kind, until, onLoss }) => {
      const on = classes[to] as new () => object;
      if (kind === 'optional') return optional(on);
      return kind === 'plain' ? on : { on, until, onLoss };
    });
    const after = node.edges.filter(({ kind }) => kind === 'after').map(({ to }) => classes[to] as new () => object);
    const options = { ...node.options, dependsOn, after };
    (node.isTask ? task(options as never) : service(options as never))(made as never);
    return made;
  }
}
