/** What frames of both directions are made of. */
import * as v from 'valibot';

/** The WebSocket subprotocol that names this protocol. */
export const SUBPROTOCOL = 'muster.v1';

/** What every frame must keep within, whatever a server's own limits are. */
export const FRAME_BOUNDS = {
  /** Streams that one connection may follow because it asked to. */
  streams: 64,
  /** Deepest nesting; a deeper frame is refused before it is walked. */
  depth: 32,
  /** Longest token, in characters. */
  token: 16_384,
} as const;

/** An opaque id: 1 to 200 characters. */
export const id = v.pipe(v.string(), v.minLength(1), v.maxLength(200));

/** A whole number from 0 on. */
export const whole = v.pipe(v.number(), v.integer(), v.minValue(0));

/** A number of milliseconds. */
export const ms = v.pipe(v.number(), v.minValue(0));
