/**
 * One JSON copy of one value, made without trusting it: getters may throw, objects may form a circle, sizes may be absurd.
 */
import type { Alteration } from '@muster/contracts';
import { reasonOf } from '@muster/core';
import { cut } from './cut.ts';

export interface CopyLimits {
  readonly textCharacters: number;
  readonly valueCharacters: number;
  readonly isSecret: (key: string) => boolean;
}

const REDACTED = '[redacted]';
/** A shorter text says nothing, or is none that somebody would keep secret. */
const SECRET_CHARACTERS = 8;
/** Deeper than any value that somebody reads; receivers refuse more. */
const DEPTH = 24;
/** What an entry counts beside its text. */
const ENTRY = 8;

export class SafeCopy {
  readonly #limits: CopyLimits;
  readonly #altered = new Set<Alteration>();
  /** The objects that the present one lies in. */
  readonly #within = new Set<object>();
  #left: number;

  constructor(limits: Partial<CopyLimits> = {}) {
    const { textCharacters = 16_384, valueCharacters = 262_144, isSecret = () => false } = limits;
    this.#limits = { textCharacters, valueCharacters, isSecret };
    this.#left = valueCharacters;
  }

  /** How the copy differs from what JSON would have made of the value. */
  get altered(): readonly Alteration[] {
    return [...this.#altered].sort();
  }

  of(value: unknown): unknown {
    return this.#copy(value, false) ?? null;
  }

  /** `undefined` for what JSON leaves out. */
  #copy(value: unknown, isSecret: boolean): unknown {
    switch (typeof value) {
      case 'string':
        return this.#text(value, isSecret);
      case 'number':
        // Without the sign of nothing, which JSON does not have.
        if (Number.isFinite(value)) return value + 0;
        return this.#converted(String(value));
      case 'boolean':
      case 'undefined':
        return value;
      case 'bigint':
        return this.#converted(String(value));
      case 'symbol':
      case 'function':
        return this.#converted(value === UNREADABLE ? '[unreadable]' : `[${typeof value}]`);
      default:
        return value === null ? null : this.#object(value as object, isSecret);
    }
  }

  #text(value: string, isSecret: boolean): string {
    if (isSecret && value.length >= SECRET_CHARACTERS) {
      this.#altered.add('redacted');
      return REDACTED;
    }
    const kept = cut(value, Math.min(this.#limits.textCharacters, Math.max(0, this.#left)));
    if (kept !== value) this.#altered.add('cut');
    this.#left -= kept.length;
    return kept;
  }

  #converted(value: string): string {
    this.#altered.add('converted');
    return this.#text(value, false);
  }

  #object(value: object, isSecret: boolean): unknown {
    if (this.#within.has(value)) return this.#converted('[circular]');
    if (this.#within.size >= DEPTH) {
      this.#altered.add('cut');
      return '[too deep]';
    }
    this.#within.add(value);
    try {
      return this.#contents(value, isSecret);
    } catch {
      // A proxy, or an accessor of the object itself.
      return this.#converted('[unreadable]');
    } finally {
      this.#within.delete(value);
    }
  }

  #contents(value: object, isSecret: boolean): unknown {
    if (Array.isArray(value)) return this.#list(value, value.length, isSecret);
    const special = specialOf(value);
    if (special !== undefined) {
      this.#altered.add('converted');
      return this.#copy(special, isSecret);
    }
    if (value instanceof Map) {
      this.#altered.add('converted');
      const isNamed = [...value.keys()].every((key) => typeof key === 'string');
      return isNamed ? this.#record(value as Map<string, unknown>, isSecret) : this.#list(value, value.size, isSecret);
    }
    if (value instanceof Set) {
      this.#altered.add('converted');
      return this.#list(value, value.size, isSecret);
    }
    const prototype = Object.getPrototypeOf(value) as unknown;
    if (prototype !== Object.prototype && prototype !== null) this.#altered.add('converted');
    return this.#record(fieldsOf(value), isSecret);
  }

  #list(values: Iterable<unknown>, length: number, isSecret: boolean): unknown[] {
    const kept: unknown[] = [];
    for (const value of values) {
      if (this.#isFull()) {
        kept.push(`[cut: ${length} entries in all]`);
        break;
      }
      kept.push(this.#copy(value, isSecret) ?? null);
    }
    return kept;
  }

  #record(fields: Iterable<readonly [string, unknown]>, isSecret: boolean): unknown {
    const kept: [string, unknown][] = [];
    let count = 0;
    let isCut = false;
    for (const [key, value] of fields) {
      count += 1;
      if (isCut) continue;
      isCut = this.#isFull(key.length);
      const copied = isCut ? undefined : this.#copy(value, isSecret || this.#limits.isSecret(key));
      if (copied !== undefined) kept.push([key, copied]);
    }
    if (isCut) kept.push(['…', `[cut: ${count} entries in all]`]);
    return Object.fromEntries(kept);
  }

  /** Counts one more entry; true when there is no room for it. */
  #isFull(characters = 0): boolean {
    this.#left -= ENTRY + characters;
    if (this.#left >= 0) return false;
    this.#altered.add('cut');
    return true;
  }
}

/** The fields that JSON would take; one that cannot be read is said to be so. */
function* fieldsOf(value: object): Iterable<readonly [string, unknown]> {
  for (const key of Object.keys(value)) {
    let field: unknown;
    try {
      field = (value as Record<string, unknown>)[key];
    } catch {
      field = UNREADABLE;
    }
    yield [key, field];
  }
}

/** Stands for a field whose getter has thrown. */
const UNREADABLE = Symbol('unreadable');

/** What stands for an object that is more than its fields, or less; also for one of another realm. */
function specialOf(value: object): unknown {
  const { toJSON } = value as { toJSON?: unknown };
  if (value instanceof Error) return { name: value.name, message: reasonOf(value) };
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  const type = Object.prototype.toString.call(value).slice('[object '.length, -1);
  switch (type) {
    case 'Date':
      return (value as { toJSON(): string | null }).toJSON() ?? 'Invalid Date';
    case 'URL':
    case 'RegExp':
      return String(value as RegExp);
    case 'ArrayBuffer':
      return `[${(value as ArrayBuffer).byteLength} bytes]`;
    case 'Number':
    case 'String':
    case 'Boolean':
    case 'BigInt':
    case 'Symbol':
      return (value as { valueOf(): unknown }).valueOf();
    case 'Promise':
    case 'WeakMap':
    case 'WeakSet':
      return `[${type}]`;
    default:
      return typeof toJSON === 'function' ? (toJSON.call(value) ?? null) : undefined;
  }
}
