/** Lets the event loop have a look at what has come, which is no time: what takes milliseconds is done in slices. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
