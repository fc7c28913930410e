/**
 * Makes any value JSON, so that no result of a tool can break the log or a frame, and none can change after it was logged.
 */

/** A JSON copy of `value`; what JSON cannot hold becomes text, and what cannot be read at all is said to be so. */
export function toJson(value: unknown): unknown {
  try {
    return copy(value);
  } catch {
    // A circle, a bigint or a getter that throws: a second look that expects them.
  }
  const seen = new WeakSet<object>();
  try {
    return copy(value, (_, inner) => {
      if (typeof inner === 'bigint') return inner.toString();
      if (typeof inner === 'object' && inner !== null) {
        if (seen.has(inner)) return '[seen before]';
        seen.add(inner);
      }
      return inner;
    });
  } catch (error) {
    return { unreadable: error instanceof Error ? error.name : 'thrown while it was read' };
  }
}

function copy(value: unknown, replacer?: (key: string, inner: unknown) => unknown): unknown {
  const text = JSON.stringify(value, replacer) as string | undefined;
  return text === undefined ? null : (JSON.parse(text) as unknown);
}
