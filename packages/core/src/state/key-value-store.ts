/**
 * The key-value store as a port: small shared state that is changed by compare-and-set.
 *
 * Every write has a revision that is higher than all before it in the store, so a revision is also a fencing number.
 * A value is JSON: what one gets is a copy, and nobody can change the store through it.
 */
import { token } from '../declare/dependency.ts';
import type { Subscription } from '../subscription.ts';

/** What JSON can hold. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface KeyValueEntry {
  /** Up to 1 024 bytes of UTF-8, so without halves of surrogate pairs. */
  readonly key: string;
  readonly value: Json;
  /** Of the write that made it what it is. */
  readonly revision: number;
}

/** How a write ended. In a conflict `revision` is the key's present one, and 0 when it is not there. */
export type Written =
  | { readonly ok: true; readonly revision: number }
  | { readonly ok: false; readonly why: 'conflict'; readonly revision: number };

/** What happened to a key. */
export type KeyValueChange =
  | { readonly type: 'put'; readonly key: string; readonly value: Json; readonly revision: number }
  | { readonly type: 'delete'; readonly key: string; readonly revision: number };

/** All implementations pass one conformance suite, `keyValueStoreConformance` of `@muster/core/testing`. */
export interface KeyValueStore {
  /**
   * True where other processes write into it at the same time. Absent: whoever opens it is alone, and an owner before it is
   * gone.
   */
  readonly isShared?: boolean;
  get(key: string): Promise<KeyValueEntry | undefined>;
  /** Writes a key that is not there. */
  create(key: string, value: Json): Promise<Written>;
  /** Writes a key whose revision is known. */
  update(key: string, value: Json, expectedRevision: number): Promise<Written>;
  /** Takes away a key whose revision is known. */
  delete(key: string, expectedRevision: number): Promise<Written>;
  /** All entries whose key begins with `prefix`, sorted by key. */
  list(prefix: string): Promise<readonly KeyValueEntry[]>;
  /**
   * Calls `sink` with what is there, then with every change, in the order of revisions for each key; never before `watch`
   * has returned. A sink that throws ends nothing.
   */
  watch(prefix: string, sink: (change: KeyValueChange) => void): Subscription;
}
export const KeyValueStore = token<KeyValueStore>('KeyValueStore');
