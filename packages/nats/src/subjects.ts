/**
 * How streams and keys are named in NATS: injective, and legal whatever the name is.
 */
import { keyPart } from '@muster/core';

/** The token of a stream of events: none begins with another, and all have one length. */
export function streamToken(stream: string): string {
  return keyPart(stream);
}

/** A key as a subject: its parts between slashes become tokens, so that a prefix can be listened to. */
export function keyToSubject(key: string): string {
  return key.split('/').map(encodePart).join('.');
}

export function subjectToKey(subject: string): string {
  return subject.split('.').map(decodePart).join('/');
}

/** What matches at least all keys with this prefix. */
export function prefixToSubject(prefix: string): string {
  const whole = prefix.split('/').slice(0, -1);
  return [...whole.map(encodePart), '>'].join('.');
}

/** Letters, digits, `-` and `_` stay; every other byte becomes `=` and two digits, and nothing at all becomes `=`. */
function encodePart(part: string): string {
  if (part === '') return '=';
  return part.replace(/[^A-Za-z0-9_-]+/gu, (odd) =>
    [...Buffer.from(odd)].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
  );
}

function decodePart(part: string): string {
  if (part === '=') return '';
  return part.replace(/(=[0-9a-f]{2})+/g, (codes) => Buffer.from(codes.replaceAll('=', ''), 'hex').toString('utf8'));
}
