/**
 * Runs one seed of a cluster: instances that die, stand still, stop, and lose what they send and are sent, under runs that
 * never stop coming; then everything is well again, and it is looked at what has become of it.
 */
import { LEASE } from '@muster/core';
import type { SimulationResult } from '../simulation.ts';
import { checkAtRest } from './at-rest.ts';
import { AGENTS } from './agents.ts';
import { ClusterWorld, FAIR, type Member, type Request, STORM, THREADS, USERS } from './world.ts';

const INSTANCES = 3;
const STEPS = 60;
/** How long a cluster that is well may take until nothing goes on, in milliseconds. */
const REST_MS = 600_000;
/** How long the most patient wait for an answer before they ask elsewhere, in milliseconds. */
const ANSWER_MS = 3_000;
/** How many timers may fire: more of them is a bug of the product or of the simulation. */
const MAX_STEPS = 60_000;

export async function simulateCluster(seed: number): Promise<SimulationResult> {
  return new ClusterSimulation(seed).run();
}

type Step = (member: Member) => void;

class ClusterSimulation {
  readonly #seed: number;
  readonly #world: ClusterWorld;
  #steps = 0;
  #starting = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#world = new ClusterWorld(seed, (name) => this.#renewed(name));
  }

  async run(): Promise<SimulationResult> {
    const world = this.#world;
    const fault = (error: unknown): void => world.violate('no fault', 'unhandled:', told(error));
    process.on('unhandledRejection', fault);
    try {
      await this.#run();
    } catch (error) {
      world.violate('no fault', 'thrown:', told(error));
    } finally {
      process.off('unhandledRejection', fault);
    }
    const { violations, story, seen } = world;
    return { seed: this.#seed, steps: this.#steps, violations, story, outcome: 'at rest', seen };
  }

  async #run(): Promise<void> {
    const { random } = this.#world;
    for (let n = 0; n < INSTANCES; n += 1) this.#start();
    await this.#until(() => this.#starting === 0, 60_000);
    const dice = Object.entries(WEIGHTS).flatMap(([name, weight]) => Array.from({ length: weight }, () => name));
    for (let step = 0; step < STEPS; step += 1) {
      const living = this.#world.up;
      if (living.length > 0) this.#act[random.pick(dice) as keyof typeof WEIGHTS](random.pick(living));
      await this.#for(random.chance(0.2) ? random.below(30_000) : random.below(2_000));
    }
    await this.#rest();
    await checkAtRest(this.#world);
  }

  /** What may happen to an instance. */
  readonly #act: Readonly<Record<keyof typeof WEIGHTS, Step>> = {
    ask: (member) => {
      const { random, requests } = this.#world;
      const times = Array.from({ length: random.below(4) }, () => random.below(random.chance(0.2) ? 30_000 : 6_000));
      const request: Request = {
        id: random.uuid(),
        user: random.pick(USERS),
        thread: random.pick(THREADS),
        agent: random.pick(AGENTS),
        text: [`q${requests.length}`, ...times].join(' '),
        runs: new Set(),
      };
      requests.push(request);
      this.#ask(member, request);
      if (random.chance(0.2)) this.#ask(random.pick(this.#world.up), request);
      // Who is told of no run soon asks elsewhere, while the first may still be accepting it.
      if (random.chance(0.5)) this.#askElsewhere(member, request, random.below(ANSWER_MS));
    },
    repeat: (member) => {
      const { random, requests } = this.#world;
      if (requests.length > 0) this.#ask(member, random.pick(requests.slice(-4)));
    },
    cancel: (member) => this.#cancel(member),
    renew: (member) => this.#renew(member),
    grab: (member) => void this.#grab(member).catch(() => {}),
    pause: (member) => this.#pause(member),
    sleep: (member) => {
      member.sleeps += 1;
      this.#pause(member, 'withTime');
    },
    resume: ({ name }) => {
      for (const member of this.#world.up.filter(({ isStill }) => isStill)) this.#wake(member);
      this.#world.said(`— all run again, ${name} as well`);
    },
    cut: (member) => this.#spoil(member, 'is cut off', () => (member.instance.link.isCut = true)),
    mute: (member) => this.#spoil(member, 'is not heard', () => (member.instance.link.isMute = true)),
    deafen: (member) => this.#spoil(member, 'hears nothing', () => (member.instance.link.isDeaf = true)),
    storm: (member) => this.#spoil(member, 'is in a storm', () => (member.instance.link.weather = STORM)),
    heal: (member) => this.#heal(member),
    kill: (member) => {
      this.#spoil(member, 'dies', () => member.instance.kill());
      Object.assign(member, { state: 'dead', isStill: true });
      this.#start();
    },
    stop: (member) => {
      if (member.isStill) return;
      this.#world.said(`— ${member.name} is stopped`);
      this.#world.count('stop');
      member.state = 'stopping';
      member.leases.close();
      void member.instance.app.stop().then(() => (member.state = 'stopped'));
      this.#start();
    },
  };

  #start(): void {
    this.#starting += 1;
    void this.#world.start().then(() => (this.#starting -= 1));
  }

  #ask(member: Member, request: Request): void {
    const world = this.#world;
    const { name, instance, isStill } = member;
    const { id, user, thread, agent, text, runs } = request;
    if (isStill) return;
    world.said(`— ${user} asks ${agent} through ${name}: ${text}`);
    world.count('asked');
    member.asking += 1;
    const asked = instance.ask(text, { id, user, thread, agent }).finally(() => (member.asking -= 1));
    asked.then(
      ({ run }) => {
        world.count('accepted');
        world.said(`${name}: "${text}" is ${run}`);
        if (runs.size > 0) world.count('repeated');
        runs.add(run);
        if (!world.written.has(run)) world.violate('what is accepted is in the log', run, 'is not');
      },
      (error: unknown) => world.said(`${name}: "${text}" was refused: ${told(error).split('\n')[0]}`),
    );
  }

  #askElsewhere(member: Member, request: Request, afterMs: number): void {
    const { shared, random } = this.#world;
    shared.clock.schedule(afterMs, () => {
      const others = this.#world.up.filter((other) => other !== member && !other.isStill);
      if (request.runs.size === 0 && others.length > 0) this.#ask(random.pick(others), request);
    });
  }

  #cancel({ name, instance, isStill }: Member): void {
    const world = this.#world;
    if (isStill) return;
    const known = world.requests.filter(({ runs }) => runs.size > 0).slice(-6);
    if (known.length === 0) return;
    const { user, runs } = world.random.pick(known);
    const [run] = runs;
    if (run === undefined || world.hasEnded(run)) return;
    world.said(`— ${user} cancels ${run} through ${name}`);
    instance.cancel(run, user).then(
      () => {
        world.count('cancels');
        if (!world.cancelled.has(run)) world.cancelled.set(run, world.nowMs);
      },
      () => {},
    );
  }

  #renew({ name, isStill, renew }: Member): void {
    const world = this.#world;
    if (isStill) return;
    world.said(`— ${name} is told to renew`);
    world.count('renew');
    renew().catch((error: unknown) => world.said(`${name}: no renewal: ${told(error).split('\n')[0]}`));
  }

  /** Takes a lease of its own, when it can have it, and gives it back some time later. */
  async #grab(member: Member): Promise<void> {
    const world = this.#world;
    const key = world.random.pick(['sim/a', 'sim/b']);
    const holdMs = world.random.below(40_000);
    // One that slept while it asked for it knows nothing of its age.
    const { leases, instance, sleeps } = member;
    if (member.isStill) return;
    const lease = await leases.acquire(key);
    world.count('leases');
    world.said(`${member.name} holds ${key}`);
    const holding = { key, member, lease, sleeps };
    world.holdings.push(holding);
    world.check();
    instance.clock.schedule(holdMs, () => {
      world.holdings.splice(world.holdings.indexOf(holding), 1);
      void lease.release().catch(() => {});
    });
  }

  /** Has one stand still now and then when it has renewed a lease, and before it is told so. */
  #renewed(name: string): void {
    const member = this.#world.up.find((one) => one.name === name);
    if (member === undefined || member.isStill || this.#world.isCalm) return;
    if (this.#world.random.chance(0.1)) this.#pause(member);
  }

  #pause(member: Member, how?: 'withTime'): void {
    this.#spoil(member, how === undefined ? 'stands still' : 'sleeps', () => member.instance.clock.pause(how));
    member.isStill = true;
  }

  #wake(member: Member): void {
    const { instance } = member;
    member.isStill = false;
    member.wokeAt = this.#world.nowMs;
    instance.clock.resume();
    if (!instance.link.isCut && instance.link.weather === FAIR) member.wellSince = this.#world.nowMs;
  }

  #spoil(member: Member, how: string, spoil: () => void): void {
    this.#world.said(`— ${member.name} ${how}`);
    this.#world.count(how);
    member.wellSince = undefined;
    spoil();
  }

  #heal(member: Member): void {
    const { name, instance, isStill } = member;
    this.#world.said(`— ${name} is in reach`);
    instance.link.weather = FAIR;
    instance.link.isCut = false;
    if (!isStill) member.wellSince ??= this.#world.nowMs;
  }

  /** Everybody is well, and time goes on until nothing is to be done. */
  async #rest(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    world.said('— calm');
    world.isCalm = true;
    for (const member of world.members) {
      if (member.state === 'stopped') continue;
      // The dead wake up too: some were only thought to be.
      if (member.state === 'dead' && random.chance(0.5)) continue;
      this.#heal(member);
      if (member.isStill) this.#wake(member);
      if (member.state === 'dead') member.state = 'up';
    }
    await this.#until(() => this.#starting === 0, REST_MS);
    await this.#for(2 * LEASE.leaseMs);
    const isOpen = (): boolean =>
      [...world.records.keys()].some((key) => key.startsWith('runs/')) ||
      world.members.some(({ state, asking }) => state !== 'dead' && asking > 0) ||
      world.up.some(({ instance }) => instance.supervisor.activeRuns > 0) ||
      world.models.isOpen ||
      world.leads.isOpen;
    await this.#until(() => !isOpen(), REST_MS);
    await this.#for(2 * LEASE.leaseMs);
  }

  /** Steps until it is so, and so long at the most. */
  async #until(isSo: () => boolean, ms: number): Promise<void> {
    const end = this.#world.nowMs + ms;
    while (!isSo() && this.#world.nowMs < end) await this.#for(1_000);
  }

  async #for(ms: number): Promise<void> {
    const { clock } = this.#world.shared;
    const end = this.#world.nowMs + ms;
    const last = clock.schedule(ms, () => {});
    await clock.settle(1);
    while (this.#world.nowMs < end) {
      this.#steps += 1;
      if (this.#steps > MAX_STEPS) {
        last.cancel();
        throw new Error(`more than ${MAX_STEPS} steps`);
      }
      clock.fireNext();
      await clock.settle(1);
      this.#world.check();
    }
  }
}

/** How likely each of them is, beside the others. */
const WEIGHTS = {
  ask: 12,
  repeat: 4,
  cancel: 4,
  grab: 4,
  renew: 3,
  pause: 2,
  sleep: 1,
  resume: 5,
  cut: 2,
  mute: 2,
  deafen: 2,
  storm: 4,
  heal: 7,
  kill: 2,
  stop: 1,
} as const;

function told(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
