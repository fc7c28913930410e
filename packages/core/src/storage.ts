/** What implementations of the two ports are built from: the queue, the flush, and who is told. */
export {
  type Append,
  AppendQueue,
  conclude,
  type Operation,
  QueueBudget,
  type QueueLimits,
  Refusal,
} from './log/append-queue.ts';
export { READ_BYTES } from './log/event-log.ts';
export { Flush, type Head, type Heads, type Made, RECORD } from './log/flush.ts';
export { addEntries, type Entries, entriesOf, joinedJson, joinedSize, joinInto, type Part } from './log/joined-json.ts';
export { Sinks } from './log/sinks.ts';
export { Watchers } from './state/watchers.ts';
