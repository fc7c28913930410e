/**
 * How many sessions users have on other instances, so that one limit holds for all of them.
 *
 * Each instance says every few seconds who has several with it, in one record, where that has changed. Whoever has one session
 * on an instance is not counted by the others, since that would be a write for nearly every connection.
 */
import type { Clock, Timer } from '@muster/contracts';
import { type Instances, keyPart, type KeyValueStore } from '@muster/core';
import { OwnRecord } from './own-record.ts';

const PREFIX = 'sessions/';
/** How often an instance says it, in milliseconds. */
const SAY_MS = 5_000;
/** Fewer are not told of. */
const FROM = 2;
/** Users that one record has at the most, those with the most sessions first. */
const MOST = 5_000;

export interface SessionsParts {
  readonly store: KeyValueStore;
  readonly instances: Instances;
  readonly clock: Clock;
  /** Connections here that have a session or are about to, by user. */
  readonly here: () => Iterable<readonly [user: string, sessions: number]>;
  /** Told of what the store throws, once until it works again. */
  readonly failed: (error: unknown) => void;
}

export class SessionsElsewhere {
  readonly #parts: SessionsParts;
  readonly #record: OwnRecord;
  /** By instance, by the part of a key that stands for a user. */
  readonly #counts = new Map<string, Readonly<Record<string, number>>>();
  readonly #ends: (() => void)[];
  #timer: Timer | undefined;
  #hasFailed = false;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    const { store, instances, clock } = parts;
    this.#record = new OwnRecord(PREFIX + instances.id, store, clock, {
      failed: (error) => {
        if (!this.#hasFailed) parts.failed(error);
        this.#hasFailed = true;
      },
      done: () => {
        this.#hasFailed = false;
      },
    });
    const watched = store.watch(PREFIX, (change) => {
      const id = change.key.slice(PREFIX.length);
      if (id === instances.id) {
        if (change.type === 'delete') this.#record.lost();
      } else if (change.type === 'put') this.#counts.set(id, change.value as Record<string, number>);
      else this.#counts.delete(id);
    });
    this.#ends = [() => watched.close(), instances.onChange(() => void this.#sweep())];
    this.#say();
  }

  /** Sessions of a user on other instances that live. */
  of(user: string): number {
    if (this.#counts.size === 0) return 0;
    const part = keyPart(user);
    return this.#parts.instances.others().reduce((sum, { id }) => sum + (this.#counts.get(id)?.[part] ?? 0), 0);
  }

  /** Takes back what stands in the store of this instance. */
  async close(): Promise<void> {
    this.#timer?.cancel();
    for (const end of this.#ends) end();
    await this.#record.close();
  }

  #say(): void {
    this.#timer = this.#parts.clock.schedule(SAY_MS, () => this.#say());
    const several = [...this.#parts.here()].filter(([, sessions]) => sessions >= FROM);
    several.sort(([, one], [, other]) => other - one);
    const told = Object.fromEntries(several.slice(0, MOST).map(([user, sessions]) => [keyPart(user), sessions]));
    this.#record.become(several.length === 0 ? undefined : told);
  }

  /** What an instance has said that is no more. */
  async #sweep(): Promise<void> {
    const { store, instances, failed } = this.#parts;
    const living = new Set(instances.list().map(({ id }) => id));
    const gone = [...this.#counts.keys()].filter((id) => !living.has(id));
    try {
      for (const id of gone) {
        const found = await store.get(PREFIX + id);
        if (found !== undefined) await store.delete(found.key, found.revision);
      }
    } catch (error) {
      failed(error);
    }
  }
}
