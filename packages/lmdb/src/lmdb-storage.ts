/**
 * The data directory as a service: opened by one process at a time, and given back when the app stops.
 *
 * The event log and the key-value store live in it; each depends on it and is stopped before it.
 */
import {
  type CheckContext,
  Clock,
  type Health,
  healthy,
  Random,
  service,
  type StartContext,
  unhealthy,
} from '@muster/core';
import { Environment, type Writes } from './environment.ts';
import { lmdbError } from './errors.ts';
import { LmdbSettings } from './options.ts';
import { claim, type Ownership } from './ownership.ts';

/** A write that takes longer than this is no slow disk but a broken one. */
const STUCK_MS = 10_000;

@service({ dependsOn: [LmdbSettings, Clock, Random] })
export class LmdbStorage {
  readonly #settings: LmdbSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  #ownership: Ownership | undefined;
  #environment: Environment | undefined;
  /** When the writes that are under way began, on the scale of `monotonic()`. */
  readonly #writing = new Set<{ readonly since: number }>();
  /** What the last write failed with. */
  #failure: unknown;

  constructor(settings: LmdbSettings, clock: Clock, random: Random) {
    this.#settings = settings;
    this.#clock = clock;
    this.#random = random;
  }

  /** `memory` where the directory lies on a file system in memory, and while it is not open. */
  get durability(): 'memory' | 'fsync' {
    return this.#environment?.isVolatile === false ? 'fsync' : 'memory';
  }

  /** @throws MusterError `STORAGE_CLOSED` before start and after stop. */
  get environment(): Environment {
    const { directory } = this.#settings;
    if (this.#environment === undefined) throw lmdbError('STORAGE_CLOSED', { directory });
    return this.#environment;
  }

  /** Tells with a `progress` event when the directory lies in memory. */
  async start({ progress }: Pick<StartContext, 'progress'>): Promise<void> {
    const { directory } = this.#settings;
    this.#ownership = await claim(directory, this.#clock, this.#random);
    this.#environment = await Environment.open(directory);
    if (this.#environment.isVolatile)
      progress(`${directory} lies in memory (tmpfs): what is written there does not survive this machine`);
  }

  /** Says what keeps it from writing, and tries whether that is over. */
  async check({ clock }: Pick<CheckContext, 'clock'>): Promise<Health> {
    const { environment } = this;
    const stuck = [...this.#writing].find(({ since }) => clock.monotonic() - since > STUCK_MS);
    if (stuck !== undefined)
      return unhealthy(`a write has not ended for ${Math.round(clock.monotonic() - stuck.since)} ms`);
    if (this.#failure === undefined) return healthy;
    try {
      await this.write((writes) => environment.putMeta(writes, 'probe', 'x'.repeat(4_096)));
      return healthy;
    } catch (error) {
      return unhealthy((error as Error).message);
    }
  }

  /** Writes all of it or nothing; resolves when it is on the disk. */
  async write(write: (writes: Writes) => void): Promise<void> {
    const entry = { since: this.#clock.monotonic() };
    this.#writing.add(entry);
    try {
      await this.environment.commit(write);
      this.#failure = undefined;
    } catch (error) {
      this.#failure = error;
      throw error;
    } finally {
      this.#writing.delete(entry);
    }
  }

  async stop(): Promise<void> {
    const [environment, ownership] = [this.#environment, this.#ownership];
    [this.#environment, this.#ownership] = [undefined, undefined];
    await environment?.close();
    await ownership?.release();
  }
}
