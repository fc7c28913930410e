/**
 * Takes secrets out of texts that people and dumps get to see: whatever a library puts into its errors.
 *
 * It knows credentials in URLs, bearer tokens, JSON web tokens, and values of eight or more characters behind names whose
 * words say that they are secret. A text without any of them comes back as it is.
 */

import { messageOf } from '@muster/contracts';

const REDACTED = '[redacted]';

/** Names that say that their value is a secret; counted usage of tokens is none. */
const SECRET = 'pass(?:word|wd|phrase)?|secret|token|api[-_ ]?key|private[-_ ]?key|authorization|credentials?';

const RULES: readonly (readonly [RegExp, string])[] = [
  // postgres://user:password@host
  [/\b([a-z][a-z0-9+.-]*:\/\/[^\s/:@]*):[^\s/@]+@/gi, `$1:${REDACTED}@`],
  [/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\b(Bearer|Basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  // password=…, "apiKey": "…", DB_SECRET: …
  [
    new RegExp(`\\b((?:[\\w-]*[-_])?(?:${SECRET})["']?\\s*[:=]\\s*["']?)(?!\\[redacted)[^\\s"',;&}]{8,}`, 'gi'),
    `$1${REDACTED}`,
  ],
  [
    new RegExp(
      `\\b([a-z]\\w*(?:Password|Secret|Token|ApiKey|PrivateKey|Credentials?)["']?\\s*[:=]\\s*["']?)(?!\\[redacted)[^\\s"',;&}]{8,}`,
      'g',
    ),
    `$1${REDACTED}`,
  ],
];

/** The text without secrets. */
export function redact(text: string): string {
  return RULES.reduce((left, [pattern, by]) => left.replace(pattern, by), text);
}

/** The text of anything that was thrown, without secrets: what an error says to people. */
export function reasonOf(thrown: unknown): string {
  return redact(messageOf(thrown));
}
