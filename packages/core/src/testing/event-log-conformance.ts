/**
 * What every event log must do, as cases for any test runner: each makes its own log and throws when that is wrong.
 */
import { randomLogCases } from './event-log-model.ts';
import { reading } from './event-log-reading.ts';
import { writing } from './event-log-writing.ts';
import { type Case, withLog } from './log-under-test.ts';

export function eventLogConformance(): readonly Case[] {
  return [...writing, ...reading, ...randomLogCases(withLog)];
}
