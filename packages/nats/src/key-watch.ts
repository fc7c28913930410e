/**
 * One watch of keys: what is there, then every change of each key in the order of its revisions.
 *
 * Changes arrive as they are stored and may be lost on the way; `heal()` compares what was shown with what is there.
 */
import type { KeyValueChange } from '@muster/core';
import type { KeptKey } from './nats-key-value-store.ts';

interface WatchParts {
  list(): Promise<readonly KeptKey[]>;
  /** The last message of a key that counts. */
  look(key: string): Promise<KeptKey | undefined>;
  /** Never throws. */
  sink(change: KeyValueChange): void;
  /** It could not be found out what is there. */
  failed(): void;
}

export class KeyWatch {
  readonly prefix: string;
  readonly #parts: WatchParts;
  /** By key the revision that was shown last, and whether the key was there then. */
  readonly #shown = new Map<string, { readonly revision: number; readonly isThere: boolean }>();
  /** What arrives before it is known what is there waits. */
  #early: (readonly [KeptKey, number])[] | undefined = [];
  #healing: Promise<void> | undefined;
  #isClosed = false;

  constructor(prefix: string, parts: WatchParts) {
    this.prefix = prefix;
    this.#parts = parts;
  }

  /** @param before sequence of the message of the key before it, whether that counts or not. */
  changed(kept: KeptKey, before: number): void {
    if (this.#isClosed || !kept.key.startsWith(this.prefix)) return;
    if (this.#early !== undefined) {
      this.#early.push([kept, before]);
      return;
    }
    const known = this.#shown.get(kept.key)?.revision ?? 0;
    if (kept.previous === known && before === known) this.#show(kept);
    // One that follows an older message does not count, unless it follows none: that the key was deleted may have been
    // forgotten. Of one that follows a newer nobody here knows, nor of what was stored in between and may count instead.
    else if (kept.previous >= known || kept.previous === 0) void this.#look(kept.key);
  }

  async #look(key: string): Promise<void> {
    try {
      const kept = await this.#parts.look(key);
      if (kept !== undefined) this.#show(kept);
    } catch {
      if (!this.#isClosed) this.#parts.failed();
    }
  }

  /** Shows what was missed; never rejects. */
  heal(): Promise<void> {
    this.#healing ??= this.#heal()
      .catch(() => {
        if (!this.#isClosed) this.#parts.failed();
      })
      .finally(() => {
        this.#healing = undefined;
      });
    return this.#healing;
  }

  /** Shows nothing any more; resolves when nothing of it is under way. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#healing;
  }

  async #heal(): Promise<void> {
    if (this.#isClosed) return;
    const known = new Map(this.#shown);
    const kept = await this.#parts.list();
    for (const each of kept) this.#show(each);
    const there = new Set(kept.map(({ key }) => key));
    for (const [key, { isThere }] of known) {
      if (there.has(key)) continue;
      // What was there and is not even remembered as deleted has been gone for a while.
      if (isThere) await this.#confirmGone(key);
      else this.#shown.delete(key);
    }
    const early = this.#early ?? [];
    this.#early = undefined;
    for (const [each, before] of early) this.changed(each, before);
  }

  async #confirmGone(key: string): Promise<void> {
    const kept = await this.#parts.look(key);
    const revision = this.#shown.get(key)?.revision ?? 0;
    if (kept !== undefined) this.#show(kept);
    else this.#show({ key, sequence: revision + 1, previous: revision, content: { by: '', after: revision } });
  }

  #show({ key, sequence: revision, content }: KeptKey): void {
    const before = this.#shown.get(key);
    if (this.#isClosed || (before !== undefined && before.revision >= revision)) return;
    const { value } = content;
    const isThere = value !== undefined;
    if (!isThere && before?.isThere !== true) return;
    this.#shown.set(key, { revision, isThere });
    if (value !== undefined) this.#parts.sink({ type: 'put', key, value, revision });
    else this.#parts.sink({ type: 'delete', key, revision });
  }
}
