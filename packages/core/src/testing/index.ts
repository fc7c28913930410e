/** For tests of applications and of Muster itself. */
export type { ConformanceCase } from './conformance-case.ts';
export { eventLogConformance } from './event-log-conformance.ts';
export { type LogUnderTest, type MakeLog, readAll } from './log-under-test.ts';
export { FakeClock } from './fake-clock.ts';
export { type Fault, Faults } from './faults.ts';
export { InstanceClock } from './instance-clock.ts';
export { keyValueStoreConformance, type MakeStore, type StoreUnderTest } from './key-value-store-conformance.ts';
export { eventsIn, numberedEvent } from './log-records.ts';
export { RecordedEvents } from './recorded-events.ts';
export { SeededRandom } from './seeded-random.ts';
export {
  createTestApp,
  recordEvents,
  replace,
  type Replacement,
  startTestApp,
  type TestApp,
  type TestAppOptions,
} from './test-app.ts';
export { type MakeThreads, threadStoreConformance, type ThreadsUnderTest } from './thread-store-conformance.ts';
