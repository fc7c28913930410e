/**
 * The data directory as a service: opened by one process at a time, and given back when the app stops.
 *
 * The event log and the key-value store live in it; each depends on it and is stopped before it.
 */
import { MusterError } from '@muster/contracts';
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
/** A process that is being stopped gives the directory back within its budget; one that has it longer keeps it. */
const HELD_MS = 15_000;

@service({ dependsOn: [LmdbSettings, Clock, Random] })
export class LmdbStorage {
  readonly #settings: LmdbSettings;
  readonly #clock: Clock;
  readonly #random: Random;
  #ownership: Ownership | undefined;
  #environment: Environment | undefined;
  /** When the writes that are under way began, on the scale of `monotonic()`. */
  readonly #writing = new Set<{ readonly since: number }>();
  /** When somebody else was first found to own the directory. */
  #heldSince: number | undefined;
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

  /**
   * Tells with a `progress` event when the directory lies in memory.
   *
   * @throws MusterError `DATA_DIRECTORY_LOCKED`, which can pass, and `DATA_DIRECTORY_HELD` when it has not within 15 s.
   */
  async start({ progress }: Pick<StartContext, 'progress'>): Promise<void> {
    const { directory } = this.#settings;
    this.#ownership = await this.#claim(directory);
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

  async #claim(directory: string): Promise<Ownership> {
    const now = this.#clock.monotonic();
    try {
      const ownership = await claim(directory, this.#clock, this.#random);
      this.#heldSince = undefined;
      return ownership;
    } catch (error) {
      if (!isLocked(error)) throw error;
      this.#heldSince ??= now;
      const waitedMs = now - this.#heldSince;
      if (waitedMs < HELD_MS) throw error;
      throw lmdbError('DATA_DIRECTORY_HELD', { ...error.details, waitedMs }, error);
    }
  }

  async stop(): Promise<void> {
    const [environment, ownership] = [this.#environment, this.#ownership];
    [this.#environment, this.#ownership] = [undefined, undefined];
    await environment?.close();
    await ownership?.release();
  }
}

type Locked = MusterError & {
  readonly details: {
    readonly directory: string;
    readonly pid: number;
    readonly since: number;
    readonly heldMs: number;
  };
};

function isLocked(error: unknown): error is Locked {
  return error instanceof MusterError && error.code === 'DATA_DIRECTORY_LOCKED';
}
