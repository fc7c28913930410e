/** For tests of applications and of Muster itself. */
export { FakeClock } from './fake-clock.ts';
export { type Fault, Faults } from './faults.ts';
export { RecordedEvents } from './recorded-events.ts';
export {
  createTestApp,
  recordEvents,
  replace,
  type Replacement,
  startTestApp,
  type TestApp,
  type TestAppOptions,
} from './test-app.ts';
