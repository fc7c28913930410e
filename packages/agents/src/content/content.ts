/**
 * Makes what agents and tools produce safe to keep and to show: valid JSON, of a bounded size, without secrets.
 *
 * It never throws, whatever it is given, and it says when what is kept is not what was given.
 */
import type { Alteration } from '@muster/contracts';
import { CONTENT_DEFAULTS, type ContentPolicy } from './content-policy.ts';
import { cut } from './cut.ts';
import { SafeCopy } from './safe-copy.ts';
import { wordsOf } from './words.ts';

/** What is kept of something, and how it differs from that. */
export interface Kept<T> {
  readonly kept: T;
  readonly altered: readonly Alteration[];
}

export class Content {
  readonly #policy: Required<ContentPolicy>;
  readonly #secretWords: ReadonlySet<string>;

  constructor(policy: ContentPolicy = {}) {
    this.#policy = { ...CONTENT_DEFAULTS, ...policy };
    this.#secretWords = new Set(this.#policy.secretWords.map((word) => word.toLowerCase()));
  }

  /** A JSON copy of any value. */
  value(given: unknown): Kept<unknown> {
    const { textCharacters, valueCharacters } = this.#policy;
    const copy = new SafeCopy({ textCharacters, valueCharacters, isSecret: (key) => this.#isSecret(key) });
    return { kept: copy.of(given), altered: copy.altered };
  }

  thought(given: unknown): Kept<string> {
    return text(given, this.#policy.thoughtCharacters);
  }

  response(given: string): Kept<string> {
    return text(given, this.#policy.responseCharacters);
  }

  #isSecret(key: string): boolean {
    return wordsOf(key).some((word) => this.#secretWords.has(word));
  }
}

const UNALTERED: readonly Alteration[] = [];

function text(given: unknown, most: number): Kept<string> {
  if (typeof given === 'string' && given.length <= most) return { kept: given, altered: UNALTERED };
  const whole = typeof given === 'string' ? given : textOf(new SafeCopy().of(given));
  const isConverted = whole !== given;
  const kept = cut(whole, most);
  return {
    kept,
    altered: [...(isConverted ? ['converted' as const] : []), ...(kept === whole ? [] : ['cut' as const])],
  };
}

/** The copy of an object may have a `toString` of its own, which is anything. */
function textOf(copy: unknown): string {
  return typeof copy === 'string' ? copy : JSON.stringify(copy);
}
