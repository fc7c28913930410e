/** The options of the storage, their defaults, and what they must be. */
import { resolve } from 'node:path';
import { token } from '@muster/core';
import type { QueueLimits } from '@muster/core/storage';
import { lmdbError } from './errors.ts';

export interface LmdbOptions extends QueueLimits {
  /** Where the data lies; made when it is not there. One process at a time. @default '.muster/data' */
  readonly directory?: string;
  /** How long events are kept, in milliseconds; some are kept a sixteenth longer. @default 604_800_000, seven days */
  readonly keepMs?: number;
  /** How much of events is kept, in bytes; beyond it the oldest of all streams go first. @default 1_073_741_824, 1 GiB */
  readonly keepBytes?: number;
  /** How much of the newest events is not indexed yet, in bytes: a start reads it again. @default 4_194_304, 4 MiB */
  readonly tailBytes?: number;
  /** Time between the beginnings of two flushes, in milliseconds: nearly four times as much under load, 0 flushes at once. @default 5 */
  readonly spacingMs?: number;
}

export const LMDB_DEFAULTS = {
  directory: '.muster/data',
  keepMs: 7 * 86_400_000,
  keepBytes: 2 ** 30,
  tailBytes: 4 * 2 ** 20,
  spacingMs: 5,
} as const;

/** The options as the services get them; `lmdb()` provides them. */
export interface LmdbSettings {
  readonly directory: string;
  readonly keepMs: number;
  readonly keepBytes: number;
  readonly tailBytes: number;
  readonly spacingMs: number;
  readonly limits: QueueLimits;
}
export const LmdbSettings = token<LmdbSettings>('LmdbSettings');

/** @throws MusterError `DATA_DIRECTORY_UNUSABLE` when an option makes no sense. */
export function settingsOf(options: LmdbOptions): LmdbSettings {
  const { directory, keepMs, keepBytes, tailBytes, spacingMs, ...limits } = { ...LMDB_DEFAULTS, ...options };
  const path = resolve(directory);
  const least = { keepMs: 1, keepBytes: 1, tailBytes: 1, spacingMs: 0 };
  for (const [option, value] of Object.entries({ keepMs, keepBytes, tailBytes, spacingMs })) {
    const from = least[option as keyof typeof least];
    if (!Number.isFinite(value) || value < from) {
      const reason = `${option} must be a number from ${from} on, and is ${value}`;
      throw lmdbError('DATA_DIRECTORY_UNUSABLE', { directory: path, reason });
    }
  }
  return { directory: path, keepMs, keepBytes, tailBytes, spacingMs, limits };
}
