/**
 * The header of a WebSocket text frame that is whole and not masked, as servers send them (RFC 6455, section 5.2).
 */
import type { Buffer } from 'node:buffer';

export const MAX_HEADER_BYTES = 10;

/** The last fragment of a text. */
const TEXT = 0x81;
/** Lengths that fit into the second byte, and into the two behind it. */
const [TINY, SHORT] = [125, 65_535];

/**
 * Writes the header in front of a payload.
 *
 * @param payloadAt where the payload begins; at least `MAX_HEADER_BYTES`.
 * @param length of the payload, in bytes.
 * @returns where the header begins.
 */
export function writeTextHeader(bytes: Buffer, payloadAt: number, length: number): number {
  const start = payloadAt - (length <= TINY ? 2 : length <= SHORT ? 4 : MAX_HEADER_BYTES);
  bytes[start] = TEXT;
  if (length <= TINY) bytes[start + 1] = length;
  else if (length <= SHORT) {
    bytes[start + 1] = TINY + 1;
    bytes.writeUInt16BE(length, start + 2);
  } else {
    bytes[start + 1] = TINY + 2;
    bytes.writeUInt16BE(0, start + 2);
    bytes.writeUIntBE(length, start + 4, 6);
  }
  return start;
}
