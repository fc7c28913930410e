/**
 * A cluster under a simulated clock, and what is known of it from the store and the log themselves: who wrote what, and when.
 */
import type { AgentEvent } from '@muster/contracts';
import {
  type Appended,
  type Class,
  type Gathering,
  LEASE,
  type Lease,
  Leases,
  type Owned,
  ownerOf,
  principalOf,
  provideValue,
  streamOf,
} from '@muster/core';
import { SeededRandom } from '@muster/core/testing';
import { type AgentContext, RunLimits } from '@muster/agents';
import type { RunRecord } from '../../../packages/agents/src/runs/run-records.ts';
import { REAP_MS } from '../../../packages/agents/src/runs/run-reaper.ts';
import { type Cluster, cluster, type Instance, instanceOn } from '../../../packages/agents/test/cluster.ts';
import type { Weather } from '../../../packages/agents/test/cluster-link.ts';
import type { Violation } from '../world.ts';
import { agentsOn } from './agents.ts';
import { Leads } from './leaders.ts';
import { MODELS, Preparations } from './models.ts';

/** Weather of an instance that is well, and of one in a storm. */
export const FAIR: Weather = { delayMs: 30, loss: 0, twice: 0.05 };
export const STORM: Weather = { delayMs: 1_500, loss: 0.25, twice: 0.25 };

/** Runs of one user that go on at a time. */
export const PER_USER = 2;
/** Until what one instance has written is known to others that are well, in milliseconds: also what was late when they became so. */
const KNOWN_MS = 5_000;
/** How long a record may stay unrenewed while somebody is well, and how soon it may be taken over, in milliseconds. */
const GIVEN_UP_MS = LEASE.leaseMs + LEASE.marginMs;
const OVERDUE_MS = GIVEN_UP_MS + REAP_MS + KNOWN_MS;

/** Who asks, and where. */
export const USERS = ['ann', 'bob'] as const;
export const THREADS = ['t1', 't2'] as const;
const STREAMS = new Set(USERS.flatMap((user) => THREADS.map((thread) => streamOf(principalOf(user), thread))));

/** One instance, and how it is. */
export interface Member {
  readonly name: string;
  readonly instance: Instance;
  readonly leases: Leases;
  /** Has what all prepare made anew. */
  readonly renew: () => Promise<void>;
  state: 'up' | 'dead' | 'stopping' | 'stopped';
  /** Requests that it has not answered. */
  asking: number;
  /** Its clock has stood still, so that its leases prove nothing. */
  sleeps: number;
  isStill: boolean;
  /** When it last began to run again: what it has lost meanwhile it hears a moment later. */
  wokeAt: number;
  /** Since when it runs, and everything that it sends and is sent arrives; `undefined` while that is not so. */
  wellSince: number | undefined;
}

/** A request, and what was said of it. */
export interface Request {
  readonly id: string;
  readonly user: string;
  readonly thread: string;
  readonly agent: string;
  readonly text: string;
  /** Runs that it was told of. */
  readonly runs: Set<string>;
}

interface KnownRecord {
  readonly value: RunRecord & Owned;
  /** When its owner last wrote it, and since when it is in its state. */
  readonly renewedAt: number;
  readonly stateAt: number;
}

interface WrittenEvent {
  readonly event: AgentEvent;
  readonly by: string;
  readonly at: number;
}

export class ClusterWorld {
  readonly shared: Cluster;
  readonly random: SeededRandom;
  readonly members: Member[] = [];
  readonly requests: Request[] = [];
  readonly violations: Violation[] = [];
  readonly story: string[] = [];
  /** What happened how often. */
  readonly seen: Record<string, number> = {};
  readonly holdings: {
    readonly key: string;
    readonly member: Member;
    readonly lease: Lease;
    readonly sleeps: number;
  }[] = [];
  /** What is prepared for all, and the factory that an instance has of it. */
  readonly models = new Preparations(this);
  /** What one of them does for all. */
  readonly leads = new Leads(this);
  /** No fault comes any more. */
  isCalm = false;
  /** Events in the log, by run. */
  readonly written = new Map<string, WrittenEvent[]>();
  readonly records = new Map<string, KnownRecord>();
  /** Since when cancels are known to the store or to the run itself, by run. */
  readonly cancelled = new Map<string, number>();
  readonly #atWork = new Map<AgentContext, { readonly member: string; readonly user: string; readonly at: number }>();
  /** Which instance writes under a name of an owner. */
  readonly #owners = new Map<string, string>();
  readonly #told = new Set<string>();
  readonly #renewed: (name: string) => void;
  #names = 0;

  /** @param renewed told which instance writes into a lease that it holds, at the moment at which that arrives. */
  constructor(seed: number, renewed: (name: string) => void) {
    this.#renewed = renewed;
    this.shared = cluster({ seed });
    this.random = new SeededRandom(seed + 1);
    this.shared.store.watch('', (change) => {
      const now = change.type === 'put' ? (change.value as unknown as RunRecord & Owned) : undefined;
      if (/^(runs|sim)\//.test(change.key)) this.#stored(change.key, now);
      if (change.key.startsWith(MODELS))
        this.models.stored(change.type === 'put' ? (change.value as never) : undefined);
    });
  }

  get nowMs(): number {
    return this.shared.clock.monotonic();
  }

  get up(): Member[] {
    return this.members.filter(({ state }) => state === 'up');
  }

  /**
   * How often an instance has slept when it begins what it has a lease for; `NaN`, which nothing equals, while it may have asked
   * for that before it last did.
   */
  sleepsOf(name: string): number {
    const { sleeps = 0, wokeAt = 0 } = this.members.find((member) => member.name === name) ?? {};
    return sleeps > 0 && this.nowMs - wokeAt < LEASE.leaseMs ? Number.NaN : sleeps;
  }

  /**
   * Whether an instance may be held to what it has begun under a lease: one that stands still does nothing, one that has just
   * woken up is told with its next look, and one whose clock has stood still cannot know.
   */
  isAnswerable(name: string, sleeps: number): boolean {
    const member = this.members.find((one) => one.name === name);
    if (member === undefined) return true;
    return !member.isStill && member.sleeps === sleeps && this.nowMs - member.wokeAt > LEASE.retryMs;
  }

  said(text: string): void {
    this.story.push(`${String(Math.round(this.nowMs)).padStart(7)}  ${text}`);
  }

  count(what: string): void {
    this.seen[what] = (this.seen[what] ?? 0) + 1;
  }

  /** Notes a violation once of each subject. */
  violate(invariant: string, subject: string, text: string): void {
    const told = `${invariant} ${subject}`;
    if (this.#told.has(told)) return;
    this.#told.add(told);
    this.violations.push({ invariant, text: `${subject} ${text}`, atMs: this.nowMs });
    this.said(`VIOLATION of "${invariant}": ${subject} ${text}`);
  }

  /** Starts another instance; it is a member once it has started. */
  async start(): Promise<void> {
    this.#names += 1;
    const name = `i${this.#names}`;
    const services = [provideValue(RunLimits, { perUser: PER_USER })];
    let models: Class | undefined;
    const instance = await instanceOn(
      this.shared,
      (clock) => {
        models = this.models.on(name, clock);
        return [...services, models, this.leads.on(name), ...agentsOn(clock, (ctx) => this.#begins(name, ctx))];
      },
      {
        weather: FAIR,
        stored: (key, value) => {
          if (key.startsWith('runs/') && !(value as Partial<RunRecord>).wish)
            this.#owners.set((value as Owned).owner, name);
          if (this.holdings.some((holding) => holding.key === key && holding.member.name === name)) this.#renewed(name);
        },
        appended: (stream, events, written) => {
          // What an instance asks itself to see whether it works is nobody's run.
          if (STREAMS.has(stream)) this.#appended(name, events, written);
        },
      },
    );
    const leases = new Leases(instance.store, instance.clock, this.random.uuid());
    this.members.push({
      name,
      instance,
      leases,
      renew: () => instance.app.renew(models as Class),
      state: 'up',
      asking: 0,
      sleeps: 0,
      isStill: false,
      wokeAt: 0,
      wellSince: this.nowMs,
    });
    this.said(`${name} has started`);
  }

  /** Looks at everything that must be so at this moment. */
  check(): void {
    this.models.check();
    this.leads.check();
    for (const key of new Set(this.holdings.map((holding) => holding.key))) {
      const able = this.holdings.filter(
        (holding) => holding.key === key && !holding.member.isStill && holding.sleeps === holding.member.sleeps,
      );
      const holders = able.filter(({ lease }) => lease.isHeld).map(({ member }) => member.name);
      if (holders.length > 1) this.violate('one holder of a lease', key, `is held by ${holders.join(' and ')}`);
    }
    for (const [key, { renewedAt }] of this.records) {
      if (!key.startsWith('runs/') || this.nowMs - renewedAt <= OVERDUE_MS) continue;
      const idle = this.up.find(({ wellSince }) => wellSince !== undefined && wellSince <= renewedAt);
      if (idle !== undefined)
        this.violate(
          'a takeover comes in time',
          key,
          `was renewed ${this.nowMs - renewedAt} ms ago, and ${idle.name} is well`,
        );
    }
  }

  #stored(key: string, now: (RunRecord & Owned) | undefined): void {
    const before = this.records.get(key);
    if (now === undefined) {
      this.records.delete(key);
      return;
    }
    const isNew = before === undefined || ownerOf({ value: before.value as never }) !== now.owner;
    const isRenewed = isNew || before.value.beat !== now.beat || before.value.term !== now.term;
    if (before !== undefined && isNew) {
      const ageMs = this.nowMs - before.renewedAt;
      this.count('takeovers');
      this.said(`${key} is taken over after ${ageMs} ms`);
      // One whose owner has given it up already has no lease left.
      const dueMs = before.value.leaseMs + LEASE.marginMs;
      if (ageMs < dueMs) this.violate('no takeover before its time', key, `was taken over after ${ageMs} ms`);
    }
    const isSameState = before !== undefined && before.value.state === now.state && !isNew;
    this.records.set(key, {
      value: now,
      renewedAt: isRenewed ? this.nowMs : before.renewedAt,
      stateAt: isSameState ? before.stateAt : this.nowMs,
    });
  }

  #appended(by: string, made: readonly AgentEvent[] | Gathering, written: Appended): void {
    if (!written.ok) return;
    const events = typeof made === 'function' ? (JSON.parse(made().json.toString()) as AgentEvent[]) : made;
    for (const event of events) {
      const all = this.written.get(event.run) ?? [];
      this.written.set(event.run, all);
      const owners = [...new Set(all.map((one) => one.by))];
      const isOwn = this.#owners.get(this.records.get(`runs/${event.run}`)?.value.owner ?? '') === by;
      if (owners.includes(by) && all.at(-1)?.by !== by && !isOwn)
        this.violate('no owner writes after the next', event.run, `was written by ${by} after ${all.at(-1)?.by} had`);
      all.push({ event, by, at: this.nowMs });
      if (event.event === 'agent_completed') this.#ended(by, event);
    }
  }

  #ended(by: string, event: AgentEvent & { event: 'agent_completed' }): void {
    const { run, data } = event;
    this.count(data.status);
    this.said(`${by}: ${run} ends: ${data.status} by ${data.by}`);
    const cancelledAt = this.cancelled.get(run);
    const wellSince = this.members.find(({ name }) => name === by)?.wellSince;
    if (cancelledAt === undefined || wellSince === undefined) return;
    // Whoever cannot know of it yet may end the run as if nothing were.
    const mayKnow = Math.max(cancelledAt, wellSince) + KNOWN_MS < this.nowMs;
    if (mayKnow && data.status !== 'cancelled' && data.status !== 'interrupted')
      this.violate(
        'what is cancelled ends so',
        run,
        `is ${data.status} ${this.nowMs - cancelledAt} ms after it was cancelled`,
      );
  }

  /** A run begins its work: its user must not have as many that everybody knows of. */
  #begins(name: string, ctx: AgentContext): () => void {
    const member = this.members.find((one) => one.name === name);
    this.count('begun');
    this.said(`${name}: ${ctx.run} of ${ctx.user} is at work`);
    const before = this.nowMs - KNOWN_MS;
    if (member?.wellSince !== undefined && member.wellSince <= before) {
      const going = [...this.#atWork].filter(([other, { member: carrier, user, at }]) => {
        const record = this.records.get(`runs/${other.run}`);
        const isKnown = record?.value.state === 'running' && record.stateAt <= before;
        const isThere = this.#owners.get(record?.value.owner ?? '') === carrier;
        return (
          user === ctx.user && at <= before && isKnown && isThere && !this.hasEnded(other.run) && other.run !== ctx.run
        );
      });
      const runs = new Set(going.map(([other]) => other.run));
      if (runs.size >= PER_USER)
        this.violate('the limit of a user converges', ctx.run, `began beside ${[...runs].join(' and ')}`);
    }
    this.#atWork.set(ctx, { member: name, user: ctx.user, at: this.nowMs });
    return () => void this.#atWork.delete(ctx);
  }

  hasEnded(run: string): boolean {
    return this.written.get(run)?.some(({ event }) => event.event === 'agent_completed') === true;
  }
}
