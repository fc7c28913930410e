/**
 * Where a reader stands in a stream.
 *
 * Offsets are contiguous within an epoch, beginning at 1; a stream that was dropped returns under a new epoch.
 */
import * as v from 'valibot';

const offset = v.pipe(v.number(), v.integer(), v.minValue(0));

/** The last entry that was handled; offset 0 stands before the first. */
export const Position = v.object({ epoch: v.string(), offset });
export type Position = v.InferOutput<typeof Position>;

/** What of a stream can be read: entries above `floor`, up to `top`. */
export const StreamInfo = v.object({ epoch: v.string(), floor: offset, top: offset });
export type StreamInfo = v.InferOutput<typeof StreamInfo>;
