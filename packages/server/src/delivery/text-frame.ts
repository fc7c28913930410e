/**
 * WebSocket frames with a text that is whole and not masked, as servers send them (RFC 6455, section 5.2), and their headers.
 */
import { Buffer } from 'node:buffer';

/** The last fragment of a text. */
const TEXT = 0x81;
/** Lengths that fit into the second byte, and into the two behind it. */
const [TINY, SHORT] = [125, 65_535];

/**
 * Writes the header of a payload to where the frame begins, `headerBytes` before that.
 *
 * @param length of the payload, in bytes.
 */
export function writeTextHeader(frame: Buffer, length: number): void {
  frame[0] = TEXT;
  if (length <= TINY) frame[1] = length;
  else if (length <= SHORT) {
    frame[1] = TINY + 1;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = TINY + 2;
    frame.writeUInt16BE(0, 2);
    frame.writeUIntBE(length, 4, 6);
  }
}

/** A whole frame. */
export function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const payloadAt = headerBytes(length);
  const bytes = Buffer.allocUnsafe(payloadAt + length);
  // As long in bytes as in characters is what needs no encoding.
  bytes.write(text, payloadAt, length === text.length ? 'latin1' : 'utf8');
  writeTextHeader(bytes, length);
  return bytes;
}

/** How long the header of so long a payload is. */
export function headerBytes(length: number): number {
  return length <= TINY ? 2 : length <= SHORT ? 4 : 10;
}
