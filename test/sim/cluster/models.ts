/**
 * What the instances of a simulated cluster prepare once for all of them, again and again; and what must be so of it: one
 * prepares at a time, an epoch has one value, nobody goes back, and in the end all have the last.
 */
import { type Clock, type Factory, factory, type Json, type PrepareContext, sleep } from '@muster/core';
import type { ClusterWorld, Member } from './world.ts';

/** Where it stands in the store. */
export const MODELS = 'factories/Models/';

type Prepared = { readonly epoch?: number; readonly value?: Json };
type ModelsRecord = Prepared & { readonly state: string; readonly kept?: Prepared };

export class Preparations {
  readonly #world: ClusterWorld;
  /** By epoch, what was prepared for it. */
  readonly #values = new Map<number, Json>();
  readonly #preparing = new Set<{ readonly by: string; readonly sleeps: number; readonly ctx: PrepareContext }>();
  /** By instance, the epoch whose value it has adopted. */
  readonly #adopted = new Map<string, number>();
  #record: ModelsRecord | undefined;
  #made = 0;

  constructor(world: ClusterWorld) {
    this.#world = world;
  }

  /** The factory of one instance. */
  on(name: string, clock: Clock) {
    const prepare = (ctx: PrepareContext): Promise<string> => this.#prepare(name, clock, ctx);
    const adopt = (value: Json): void => this.#adopt(name, value);
    @factory({ prepare: { timeoutMs: 60_000 } })
    class Models implements Factory {
      prepare(ctx: PrepareContext): Promise<string> {
        return prepare(ctx);
      }
      adopt(value: Json): void {
        adopt(value);
      }
    }
    return Models;
  }

  /** The record has changed. */
  stored(now: ModelsRecord | undefined): void {
    this.#record = now;
    for (const prepared of [now, now?.kept]) {
      if (prepared?.value === undefined) continue;
      const { epoch = 1, value } = prepared;
      const known = this.#values.get(epoch) ?? value;
      this.#values.set(epoch, known);
      if (known !== value)
        this.#world.violate(
          'an epoch has one value',
          `epoch ${epoch}`,
          `is ${value as string}, and was ${known as string}`,
        );
    }
  }

  /** Looks at what must be so at this moment. */
  check(): void {
    const at = [...this.#preparing].filter(
      ({ by, sleeps, ctx }) => !ctx.signal.aborted && this.#world.isAnswerable(by, sleeps),
    );
    if (at.length > 1)
      this.#world.violate('one prepares at a time', at.map(({ by }) => by).join(' and '), 'prepare the same');
  }

  /** Whether something is still being made or adopted. */
  get isOpen(): boolean {
    return this.#record?.state !== 'ready' || this.#world.up.some((member) => !this.#has(member));
  }

  checkAtRest(): void {
    const { state, epoch } = this.#record ?? {};
    if (state !== 'ready') this.#world.violate('all adopt the last', 'the record', `is ${state} at rest`);
    for (const member of this.#world.up)
      if (!this.#has(member))
        this.#world.violate(
          'all adopt the last',
          member.name,
          `has epoch ${this.#adopted.get(member.name)}, and the last is ${epoch}`,
        );
  }

  #has({ name }: Member): boolean {
    return this.#adopted.get(name) === (this.#record?.epoch ?? 1);
  }

  async #prepare(by: string, clock: Clock, ctx: PrepareContext): Promise<string> {
    const { random } = this.#world;
    const sleeps = this.#world.sleepsOf(by);
    const preparing = { by, sleeps, ctx };
    this.#preparing.add(preparing);
    this.#world.count('prepared');
    try {
      // Now and then it takes longer than a lease.
      await sleep(clock, random.below(random.chance(0.2) ? 30_000 : 6_000), ctx.signal);
      // The first time it would fail a boot.
      if (!this.#world.isCalm && this.#values.size > 0 && random.chance(0.2))
        throw new Error('it could not be prepared');
      this.#made += 1;
      return `${by} ${this.#made}`;
    } finally {
      this.#preparing.delete(preparing);
    }
  }

  #adopt(name: string, value: Json): void {
    const [epoch = 0] = [...this.#values].find(([, known]) => known === value) ?? [];
    const before = this.#adopted.get(name) ?? 0;
    this.#world.count('adopted');
    this.#world.said(`${name} adopts ${value as string}, epoch ${epoch}`);
    if (epoch <= before)
      this.#world.violate('nobody goes back', name, `adopts epoch ${epoch} after ${before}: ${value as string}`);
    this.#adopted.set(name, epoch);
  }
}
