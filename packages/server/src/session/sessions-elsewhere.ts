/**
 * How many sessions users have on other instances, so that one limit holds for all of them.
 *
 * Each instance says every few seconds who has several with it, in one record, where that has changed. Whoever has one session
 * on an instance is not counted by the others, since that would be a write for nearly every connection.
 */
import type { Timer } from '@muster/contracts';
import { keyPart } from '@muster/core';
import { SharedRecords, type SharedRecordsParts } from './shared-records.ts';

const PREFIX = 'sessions/';
/** How often an instance says it, in milliseconds. */
const SAY_MS = 5_000;
/** Fewer are not told of. */
const FROM = 2;
/** Users that one record has at the most, those with the most sessions first. */
const MOST = 5_000;

export interface SessionsParts extends SharedRecordsParts {
  /** Connections here that have a session or are about to, by user. */
  readonly here: () => Iterable<readonly [user: string, sessions: number]>;
}

export class SessionsElsewhere {
  readonly #parts: SessionsParts;
  readonly #records: SharedRecords;
  /** By instance, by the part of a key that stands for a user. */
  readonly #counts = new Map<string, Readonly<Record<string, number>>>();
  #timer: Timer | undefined;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
    this.#records = new SharedRecords(parts);
    this.#records.hear(PREFIX, (change, _, instance) => {
      if (change.type === 'put') this.#counts.set(instance, change.value as Record<string, number>);
      else this.#counts.delete(instance);
    });
    this.#say();
  }

  /** Sessions of a user on other instances that live. */
  of(user: string): number {
    if (this.#counts.size === 0) return 0;
    const part = keyPart(user);
    return this.#parts.instances.others().reduce((sum, { id }) => sum + (this.#counts.get(id)?.[part] ?? 0), 0);
  }

  /** Takes back what stands in the store of this instance. */
  close(): Promise<void> {
    this.#timer?.cancel();
    return this.#records.close();
  }

  #say(): void {
    this.#timer = this.#parts.clock.schedule(SAY_MS, () => this.#say());
    const several = [...this.#parts.here()].filter(([, sessions]) => sessions >= FROM);
    several.sort(([, one], [, other]) => other - one);
    const told = Object.fromEntries(several.slice(0, MOST).map(([user, sessions]) => [keyPart(user), sessions]));
    this.#records.say(PREFIX, '', several.length === 0 ? undefined : told);
  }
}
