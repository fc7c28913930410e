/** For tests of applications and of Muster itself. */
export { FakeClock } from './fake-clock.ts';
export { type RecordedEvents, recordEvents, startTestApp } from './test-app.ts';
