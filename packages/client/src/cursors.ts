/**
 * What a client remembers beyond its own life: its session, and how far each stream has been processed.
 *
 * It is saved after the handlers, so what a new client sees again is at most what was not processed for certain.
 */
import type { MusterError, Position } from '@muster/contracts';
import { clientError } from './errors.ts';

export interface Cursors {
  /** `null` until a server gave one. */
  readonly session: string | null;
  /** The last processed event of every followed stream. */
  readonly streams: Readonly<Record<string, Position>>;
}

/** Keeps cursors, one set for each client that lives at the same time: a session belongs to one of them. */
export interface CursorStore {
  /** What was saved last; nothing on the first day. Called once, before the first connection. */
  load(): Cursors | undefined | Promise<Cursors | undefined>;
  /** Called after events were processed, never while an earlier call is under way. */
  save(cursors: Cursors): void | Promise<void>;
}

/** The part of a `Storage` that is needed. */
export interface StorageLike {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
}

/** Keeps cursors in `storage`. What cannot be read there counts as nothing. */
export function storageCursors(storage: StorageLike, key: string): CursorStore {
  return {
    load() {
      try {
        const { session, streams } = JSON.parse(storage.getItem(key) ?? '{}') as Partial<Cursors>;
        return { session: session ?? null, streams: { ...streams } };
      } catch {
        return undefined;
      }
    },
    save: (cursors) => storage.setItem(key, JSON.stringify(cursors)),
  };
}

/** Keeps cursors in the tab's `sessionStorage`, so that a reload of the page goes on where it was. */
export function sessionStorageCursors(key = 'muster'): CursorStore {
  return storageCursors((globalThis as unknown as { sessionStorage: StorageLike }).sessionStorage, key);
}

/** Saves one after the other, and only the newest of what has come meanwhile. */
export class CursorKeeper {
  readonly #store: CursorStore | undefined;
  readonly #snapshot: () => Cursors;
  readonly #failed: (error: MusterError) => void;
  #saving: Promise<void> | undefined;
  #isDirty = false;

  constructor(store: CursorStore | undefined, snapshot: () => Cursors, failed: (error: MusterError) => void) {
    this.#store = store;
    this.#snapshot = snapshot;
    this.#failed = failed;
  }

  async load(): Promise<Cursors> {
    try {
      return (await this.#store?.load()) ?? { session: null, streams: {} };
    } catch (cause) {
      this.#failed(clientError('CURSORS_FAILED', { method: 'load' }, cause));
      return { session: null, streams: {} };
    }
  }

  /** Saves what is true now; in this tick where the store can. */
  save(): void {
    if (this.#store === undefined) return;
    this.#isDirty = true;
    this.#saving ??= this.#saveAll(this.#store).finally(() => {
      this.#saving = undefined;
    });
  }

  /** Resolves when everything is saved. */
  async settled(): Promise<void> {
    await this.#saving;
  }

  async #saveAll(store: CursorStore): Promise<void> {
    while (this.#isDirty) {
      this.#isDirty = false;
      try {
        await store.save(this.#snapshot());
      } catch (cause) {
        this.#failed(clientError('CURSORS_FAILED', { method: 'save' }, cause));
      }
    }
  }
}
