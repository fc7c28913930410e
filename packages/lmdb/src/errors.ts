/** The error catalogue of `@muster/lmdb`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const LMDB_ERRORS = {
  DATA_DIRECTORY_LOCKED: {
    message: (d) =>
      `The data directory ${d.directory} belongs to process ${d.pid}, which has had it for ${Math.round(d.heldMs / 1_000)} s.`,
    hint: 'Stop that process, or give this one a directory of its own: one process at a time writes into a data directory.',
  } satisfies ErrorEntry<{ directory: string; pid: number; since: number; heldMs: number }>,
  DATA_DIRECTORY_HELD: {
    message: (d) =>
      `The data directory ${d.directory} still belongs to process ${d.pid}, after ${Math.round(d.waitedMs / 1_000)} s of waiting for it.`,
    hint: 'Stop that process, or give this one a directory of its own: one process at a time writes into a data directory.',
    fatal: true,
  } satisfies ErrorEntry<{ directory: string; pid: number; since: number; heldMs: number; waitedMs: number }>,
  DATA_DIRECTORY_UNUSABLE: {
    message: (d) => `The data directory ${d.directory} cannot be used: ${d.reason}.`,
    hint: 'Choose an empty directory that this process may write into, or restore this one from a copy.',
    fatal: true,
  } satisfies ErrorEntry<{ directory: string; reason: string }>,
  DISK_FULL: {
    message: (d) => `There is no room for ${d.bytes} more bytes in the data directory ${d.directory}.`,
    hint: 'Make room on the disk or lower keepBytes. What was acknowledged is kept, and writing goes on as soon as there is room.',
  } satisfies ErrorEntry<{ directory: string; bytes: number }>,
  WRITE_FAILED: {
    message: (d) => `A write into the data directory ${d.directory} failed: ${d.reason}.`,
    hint: 'Look at the disk and the system log; the service opens the directory again by itself.',
  } satisfies ErrorEntry<{ directory: string; reason: string }>,
  STORAGE_CLOSED: {
    message: (d) => `The data directory ${d.directory} is not open.`,
    hint: 'Use the log and the store between start and stop of the app; depend on them, so that they are stopped later.',
  } satisfies ErrorEntry<{ directory: string }>,
} as const;

/** Makes an error of this catalogue. */
export const lmdbError = errorsFrom(LMDB_ERRORS);

export function isDiskFull(error: unknown): boolean {
  return (error as { code?: string }).code === 'DISK_FULL';
}
