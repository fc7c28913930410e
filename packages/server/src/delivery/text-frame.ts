/**
 * WebSocket frames with a text that is whole and not masked, as servers send them (RFC 6455, section 5.2), and their headers.
 */
import { Buffer } from 'node:buffer';

export const MAX_HEADER_BYTES = 10;

/** The last fragment of a text. */
const TEXT = 0x81;
/** Lengths that fit into the second byte, and into the two behind it. */
const [TINY, SHORT] = [125, 65_535];

/**
 * Writes the header in front of a payload.
 *
 * @param payloadAt where the payload begins, with room for the header before it.
 * @param length of the payload, in bytes.
 * @returns where the header begins.
 */
export function writeTextHeader(bytes: Buffer, payloadAt: number, length: number): number {
  const start = payloadAt - headerBytes(length);
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

/** A whole frame. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const payloadAt = headerBytes(length);
  const bytes = Buffer.allocUnsafe(payloadAt + length);
  // As long in bytes as in characters is what needs no encoding.
  bytes.write(text, payloadAt, length === text.length ? 'latin1' : 'utf8');
  writeTextHeader(bytes, payloadAt, length);
  return bytes;
}

function headerBytes(length: number): number {
  return length <= TINY ? 2 : length <= SHORT ? 4 : MAX_HEADER_BYTES;
}
