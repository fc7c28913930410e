/** What ends a subscription: to a stream, to keys, to anything that goes on. */

/** Ends what it was returned for; nothing is called any more once `close()` has returned. */
export interface Subscription {
  close(): void;
}
