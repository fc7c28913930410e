/**
 * One LMDB environment: its tables, and transactions that are durable when they resolve.
 *
 * A transaction that fails has changed nothing, and its error says whether the disk was full.
 */
import { mkdir, open as openFile, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { MusterError, messageOf } from '@muster/contracts';
import { open, type RootDatabase } from 'lmdb';
import { lmdbError } from './errors.ts';

/** Of the bytes that lie in a directory; another is refused. */
const FORMAT = 'muster 2';
/** `statfs` types of file systems that live in memory: tmpfs, and ramfs. */
const IN_MEMORY = [0x01021994, 0x858458f6];
/** Codes that mean a full disk, a quota, or a limit on the size of files: ENOSPC, EDQUOT, EFBIG, MDB_MAP_FULL. */
const FULL = [28, 122, 27, -30_792];
/** LMDB's word for a write that was cut short, and the system's for a broken disk. */
const EIO = 5;

/** What a transaction writes at the most beside what it puts: pages of the trees that it touches. Removing takes room as well. */
const BESIDE_BYTES = 64 * 1024;

/** Where LMDB has its magic number and its format in a file, and what they are. */
const MARK_AT = 24;
const MARK = Buffer.from('dec0efbe02000000', 'hex');

/** What of a range is read; `end` is not part of it. */
export interface TableRange {
  readonly start?: Buffer;
  readonly end?: Buffer;
  readonly limit?: number;
  readonly reverse?: boolean;
}

/** What is used of a table of LMDB; its own declarations are not fit to be part of ours. */
export interface Table {
  get(key: Buffer): Buffer | undefined;
  doesExist(key: Buffer): boolean;
  getKeys(range?: TableRange): Iterable<Buffer>;
  getKeysCount(range?: TableRange): number;
  getRange(range?: TableRange): Iterable<{ readonly key: Buffer; readonly value: Buffer }>;
  put(key: Buffer, value: Buffer): Promise<boolean>;
  remove(key: Buffer): Promise<boolean>;
}

/** What a transaction writes. */
export interface Writes {
  put(table: Table, key: Buffer, value: Buffer): void;
  remove(table: Table, key: Buffer): void;
}

export class Environment {
  readonly directory: string;
  /** True when the directory lies in memory: then nothing survives the machine. */
  readonly isVolatile: boolean;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #meta: Table;

  private constructor(directory: string, isVolatile: boolean, root: RootDatabase<Buffer, Buffer>) {
    this.directory = directory;
    this.isVolatile = isVolatile;
    this.#root = root;
    this.#meta = this.table('meta');
  }

  /** @throws MusterError `DATA_DIRECTORY_UNUSABLE` when what lies there is broken or not ours. */
  static async open(directory: string): Promise<Environment> {
    try {
      await mkdir(directory, { recursive: true });
      const { type } = await statfs(directory);
      await refuseWhatIsNoLmdb(directory);
      const root = open<Buffer, Buffer>({
        path: directory,
        noSubdir: false,
        maxDbs: 12,
        encoding: 'binary',
        keyEncoding: 'binary',
        // Every write is in a batch; this one of LMDB's own would leave a rejection that nobody can handle.
        eventTurnBatching: false,
        // A commit is waited for until it is on the disk: to have that done beside the next one is another step to wait for.
        overlappingSync: false,
      });
      const environment = new Environment(directory, IN_MEMORY.includes(type >>> 0), root);
      await environment.#claimFormat();
      return environment;
    } catch (error) {
      if (error instanceof MusterError) throw error;
      throw lmdbError('DATA_DIRECTORY_UNUSABLE', { directory, reason: messageOf(error) }, error);
    }
  }

  table(name: string): Table {
    return this.#root.openDB<Buffer, Buffer>({ name, encoding: 'binary', keyEncoding: 'binary' });
  }

  /** A value of the table that says what this directory is. */
  meta(key: string): string | undefined {
    return this.#meta.get(Buffer.from(key))?.toString();
  }

  /** To be called within a transaction. */
  putMeta(writes: Writes, key: string, value: string): void {
    writes.put(this.#meta, Buffer.from(key), Buffer.from(value));
  }

  /**
   * Writes all of it or nothing; resolves when it is on the disk.
   *
   * @param write called once and at once.
   * @throws MusterError `DISK_FULL` or `WRITE_FAILED`; nothing was written.
   */
  async commit(write: (writes: Writes) => void): Promise<void> {
    let bytes = BESIDE_BYTES;
    const promises = new Set<Promise<boolean>>();
    const writes: Writes = {
      put: (table, key, value) => {
        bytes += key.length + value.length;
        promises.add(table.put(key, value));
      },
      remove: (table, key) => {
        promises.add(table.remove(key));
      },
    };
    try {
      promises.add(this.#root.batch(() => write(writes)));
      await allEnded(promises);
      await this.#root.flushed;
    } catch (error) {
      throw await this.#writeError(error, bytes);
    }
  }

  async close(): Promise<void> {
    await this.#root.close();
  }

  async #claimFormat(): Promise<void> {
    const format = this.meta('format');
    if (format === FORMAT) return;
    const { directory } = this;
    const reason =
      format !== undefined
        ? `its format is "${format}", and this version reads "${FORMAT}"`
        : // The table of meta data has just been made and is listed.
          [...this.#root.getKeys()].length > 1 && 'it holds an LMDB environment of another program';
    if (reason !== false) {
      await this.close();
      throw lmdbError('DATA_DIRECTORY_UNUSABLE', { directory, reason });
    }
    await this.commit((writes) => this.putMeta(writes, 'format', FORMAT));
  }

  async #writeError(error: unknown, bytes: number): Promise<MusterError> {
    const cause = await causeOf(error);
    const { directory } = this;
    const { code } = cause as { code?: number };
    if (FULL.includes(code as number) || (code === EIO && (await this.#isFull(bytes))))
      return lmdbError('DISK_FULL', { directory, bytes }, cause);
    return lmdbError('WRITE_FAILED', { directory, reason: messageOf(cause) }, cause);
  }

  /** Tries to write so many bytes behind where the data end, in a file of its own. */
  async #isFull(bytes: number): Promise<boolean> {
    const path = join(this.directory, 'room');
    try {
      const { size } = await stat(join(this.directory, 'data.mdb'));
      const file = await openFile(path, 'w');
      try {
        const { bytesWritten } = await file.write(Buffer.alloc(bytes), 0, bytes, size);
        return bytesWritten < bytes;
      } finally {
        await file.close();
      }
    } catch {
      return true;
    } finally {
      await rm(path, { force: true });
    }
  }
}

/** LMDB gives the cause of a failed commit as a promise that rejects. */
async function causeOf(error: unknown): Promise<unknown> {
  try {
    await (error as { commitError?: Promise<never> }).commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}

/** Looks at the mark of LMDB before it does, because opening a file without it ends the process. */
async function refuseWhatIsNoLmdb(directory: string): Promise<void> {
  const path = join(directory, 'data.mdb');
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  if (size === 0) return;
  const file = await openFile(path);
  try {
    const mark = Buffer.alloc(MARK.length);
    await file.read(mark, 0, mark.length, MARK_AT);
    if (!mark.equals(MARK))
      throw lmdbError('DATA_DIRECTORY_UNUSABLE', { directory, reason: 'data.mdb is no file of LMDB' });
  } finally {
    await file.close();
  }
}

/** Waits for every one of them, so that none is left to reject unseen; throws what the first threw. */
async function allEnded(promises: Iterable<Promise<unknown>>): Promise<void> {
  const results = await Promise.allSettled(promises);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
