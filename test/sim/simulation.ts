/**
 * Runs one seed from the first moment of a boot to the last of a stop, and tells what it found.
 *
 * A seed determines everything: the same seed gives the same steps and the same story.
 */
import { BootstrapError } from '@muster/core';
import type { Actor } from './actor.ts';
import { checkCalm, checkEnd, checkStep } from './invariants.ts';
import { SeededRandom } from '@muster/core/testing';
import { sketchOf } from './sketch.ts';
import { type Violation, World } from './world.ts';

export interface SimulationResult {
  readonly seed: number;
  readonly steps: number;
  readonly violations: readonly Violation[];
  readonly story: readonly string[];
  /** How it ended: for the statistics of a whole run. */
  readonly outcome: 'booted' | 'boot-failed' | 'aborted' | 'escalated' | 'at rest';
  /** What happened how often, where that is counted. */
  readonly seen?: Readonly<Record<string, number>>;
}

/** How long everything behaves before it is looked at whether it has recovered, in milliseconds. */
const CALM_MS = 45_000;
/** A step that goes on and on is a bug of the engine or of the simulation. */
const MAX_STEPS = 20_000;

/** What should have ended has not, so there is nothing to wait for. */
class NeverEnds extends Error {}

export async function simulate(seed: number): Promise<SimulationResult> {
  return new Simulation(seed).run();
}

class Simulation {
  readonly #seed: number;
  readonly #world: World;
  readonly #random: SeededRandom;
  #steps = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#world = new World(sketchOf(seed));
    this.#random = new SeededRandom(seed + 2);
  }

  async run(): Promise<SimulationResult> {
    const world = this.#world;
    const faults = (error: unknown): void => world.violate('no fault', `unhandled: ${String(error)}`);
    process.on('unhandledRejection', faults);
    try {
      return await this.#run();
    } catch (error) {
      if (error instanceof NeverEnds) return this.#result('booted');
      world.violate('no fault', error instanceof Error ? (error.stack ?? error.message) : String(error));
      return this.#result('booted');
    } finally {
      process.off('unhandledRejection', faults);
    }
  }

  async #run(): Promise<SimulationResult> {
    const world = this.#world;
    const { bootBudgetMs, stopBudgetMs, stopAtMs, roughMs } = world.sketch;
    let booted: 'booted' | 'boot-failed' | 'aborted' | undefined;
    const starting = world.app.start().then(
      () => (booted = 'booted'),
      (error: unknown) => {
        booted = error instanceof BootstrapError ? 'boot-failed' : 'aborted';
        const { code } = error as { code?: string };
        if (booted === 'aborted' && code !== 'ABORTED') world.violate('no fault', String(error));
        if (error instanceof BootstrapError) this.#lookAtFailure(error);
      },
    );
    // A boot that fails rolls back on a fresh budget.
    const budgetMs = bootBudgetMs + stopBudgetMs;
    await this.#until(() => booted !== undefined, budgetMs, 'a boot ends within its budget', stopAtMs);
    await starting;
    if (booted === 'booted' && !world.stopBegan) await this.#for(roughMs, stopAtMs);
    if (booted === 'booted' && !world.stopBegan) {
      world.calm = true;
      world.said('— calm');
      // What is never asked has to say itself that it is well again.
      for (const actor of world.actors) if (!actor.sketch.has.check) this.#say(actor, 'healthy');
      await this.#for(CALM_MS, undefined);
      if (!world.stopBegan) checkCalm(world);
    }
    await this.#stop('the end', stopBudgetMs);
    // What was started too late and what the actors still do is over after this.
    await this.#for(10_000, undefined);
    checkEnd(world);
    return this.#result(world.escalated === undefined ? (booted ?? 'aborted') : 'escalated');
  }

  #result(outcome: SimulationResult['outcome']): SimulationResult {
    const { violations, story } = this.#world;
    return { seed: this.#seed, steps: this.#steps, violations, story, outcome };
  }

  #lookAtFailure(error: BootstrapError): void {
    const details = error.details as { causes: { service: string }[]; skipped: string[] };
    const victims = details.causes.filter(({ service }) => details.skipped.includes(service));
    if (details.causes.length === 0 || victims.length > 0) {
      this.#world.violate(
        'root causes only',
        `causes ${JSON.stringify(details.causes)}, skipped ${details.skipped.join()}`,
      );
    }
  }

  async #stop(reason: string, budgetMs: number): Promise<void> {
    let isStopped = false;
    const world = this.#world;
    const stopping = world.app.stop(reason).then(() => {
      isStopped = true;
    });
    await this.#until(() => isStopped, budgetMs, 'a stop ends within its budget', undefined);
    await stopping;
  }

  /** Steps until it is so; that has to happen within `budgetMs`, the time in which nobody ran apart. */
  async #until(isSo: () => boolean, budgetMs: number, invariant: string, stopAtMs: number | undefined): Promise<void> {
    const world = this.#world;
    const began = world.nowMs;
    const frozenBefore = world.frozenMs;
    await this.#look();
    while (!isSo()) {
      const spent = world.nowMs - began - (world.frozenMs - frozenBefore);
      if (spent > budgetMs + 1 || world.clock.nextDue === undefined) {
        world.violate(invariant, `it has not ended after ${spent} ms; the budget is ${budgetMs} ms`);
        throw new NeverEnds();
      }
      await this.#step(stopAtMs);
    }
  }

  async #for(ms: number, stopAtMs: number | undefined): Promise<void> {
    const until = this.#world.nowMs + ms;
    await this.#look();
    for (let due = this.#world.clock.nextDue; due !== undefined && due <= until; due = this.#world.clock.nextDue) {
      await this.#step(stopAtMs);
    }
  }

  async #step(stopAtMs: number | undefined): Promise<void> {
    const world = this.#world;
    this.#steps += 1;
    if (this.#steps > MAX_STEPS) throw new Error(`more than ${MAX_STEPS} steps`);
    if (stopAtMs !== undefined && world.nowMs >= stopAtMs && !world.stopBegan) {
      world.said('— stop() is called');
      void world.app.stop('somebody said so');
    } else if (!world.calm && this.#random.chance(world.sketch.meddling)) {
      this.#meddle();
    } else if (this.#isTempting() && this.#random.chance(0.05)) {
      world.freeze(60_000);
    }
    world.clock.fireNext();
    await this.#look();
  }

  /** A gate is about to open: nobody must take its word who has slept meanwhile. */
  #isTempting(): boolean {
    const { model, calm, sketch, stopBegan } = this.#world;
    return (
      !calm &&
      !stopBegan &&
      sketch.meddling > 0 &&
      model.gateWasOpen &&
      model.gate === 'closed' &&
      model.gateMayBeOpen()
    );
  }

  async #look(): Promise<void> {
    const world = this.#world;
    await world.clock.settle(1);
    if (!world.isDirty) return;
    world.isDirty = false;
    checkStep(world);
  }

  /** Something from outside: a signal of the present or of an older generation, a standstill, a visitor, an operator. */
  #meddle(): void {
    const world = this.#world;
    const actor = this.#random.pick(world.actors);
    world.isDirty = true;
    const present = actor.try?.ctx;
    switch (this.#random.pick(['fail', 'old', 'report', 'lag', 'freeze', 'enter', 'restart'])) {
      case 'fail':
        world.said(`— ${actor.id} says that it has failed`);
        present?.fail(new Error('it says so'));
        return;
      case 'old':
        return this.#oldStory();
      case 'report':
        return this.#report();
      case 'lag':
        return world.freeze(this.#random.between(100, 1_500));
      case 'freeze':
        return world.freeze(60_000);
      case 'enter':
        void world.app.gate.enter().then(
          (permit) => world.permits.push({ permit, opening: world.openings }),
          () => {},
        );
        return;
      default:
        world.said(`— restart(${actor.id})`);
        world.app.restart(actor.id, 'an operator');
    }
  }

  /** A signal of an older generation must change nothing. */
  #oldStory(): void {
    const world = this.#world;
    const actor = this.#random.pick(world.actors);
    const old = actor.tries.slice(0, -1).findLast(({ ctx }) => ctx !== undefined);
    if (old?.ctx === undefined) return;
    const node = world.model.node(actor.id);
    const before = `${node.phase} ${node.health}`;
    world.said(`— an older generation of ${actor.id} says that it has failed`);
    old.ctx.fail(new Error('an old story'));
    old.ctx.report({ status: 'unhealthy', reason: 'an old story' });
    if (`${node.phase} ${node.health}` !== before) {
      world.violate('older generations are not heard', `${actor.id} was ${before} and is ${node.phase} ${node.health}`);
    }
  }

  #report(): void {
    const actor = this.#random.pick(this.#world.actors);
    this.#say(actor, this.#random.pick(['healthy', 'degraded', 'unhealthy'] as const));
  }

  #say(actor: Actor, status: 'healthy' | 'degraded' | 'unhealthy'): void {
    const record = actor.try;
    if (record?.ctx === undefined) return;
    this.#world.said(`— ${actor.id} reports ${status}`);
    record.reported = status;
    record.ctx.report(status === 'healthy' ? { status } : { status, reason: 'it says so' });
  }
}
