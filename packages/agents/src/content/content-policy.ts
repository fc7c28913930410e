/**
 * How much of what agents and tools produce is kept, and which names mark a secret.
 */
import { token } from '@muster/core';

export interface ContentPolicy {
  /** Characters of one text inside of a value; of a longer one the beginning is kept. @default 16_384 */
  readonly textCharacters?: number;
  /** Characters of one value in all, such as the result of a tool. @default 262_144 */
  readonly valueCharacters?: number;
  /** Characters of a thought. @default 65_536 */
  readonly thoughtCharacters?: number;
  /** Characters of a final response. @default 1_048_576 */
  readonly responseCharacters?: number;
  /** A text of eight characters or more is taken out where one word of its key is among these. @default those in `CONTENT_DEFAULTS` */
  readonly secretWords?: readonly string[];
}

/** Provide one to change what is kept: `provideValue(ContentPolicy, { secretWords: [...] })`. */
export const ContentPolicy = token<ContentPolicy>('ContentPolicy');

export const CONTENT_DEFAULTS: Required<ContentPolicy> = {
  textCharacters: 16_384,
  valueCharacters: 262_144,
  thoughtCharacters: 65_536,
  responseCharacters: 1_048_576,
  secretWords: [
    'password',
    'passwords',
    'passwd',
    'pwd',
    'passphrase',
    'secret',
    'secrets',
    'token',
    'key',
    'apikey',
    'authorization',
    'credential',
    'credentials',
  ],
};
