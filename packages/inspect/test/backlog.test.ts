/** What is heard late is heard all the same: in its order, all of it when somebody asks, and never much later. */
import { expect, it } from '@jest/globals';
import { type RuntimeEvent, RuntimeEvents } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { Backlog } from '../src/backlog.ts';

const moved = (machine: 'service' | 'run' | 'tool' | 'connection', subject: string): RuntimeEvent => ({
  type: 'moved',
  machine,
  subject,
  from: 'a',
  event: 'b',
  to: 'c',
  at: 0,
});

function listening(isStarting = false) {
  const events = new RuntimeEvents();
  const failures: unknown[] = [];
  const heard: string[] = [];
  const clock = new FakeClock();
  const failed = (error: unknown): void => void failures.push(error);
  const app = { isStarting };
  const backlog = new Backlog({ events, clock, isStarting: () => app.isStarting, failed });
  backlog.on((event) => {
    if (event.type === 'moved') heard.push(event.subject);
  });
  return { app, events, clock, backlog, heard, failures };
}

it('tells of what has happened when somebody asks, once', () => {
  const { events, backlog, heard } = listening();
  events.emit(moved('service', '1'));
  expect(heard).toEqual([]);
  backlog.catchUp();
  expect(heard).toEqual(['1']);
  events.emit(moved('service', '2'));
  events.emit(moved('service', '3'));
  backlog.catchUp();
  backlog.catchUp();
  expect(heard).toEqual(['1', '2', '3']);
});

it('tells some in a moment though nobody asks, and the last of them when it is closed', async () => {
  const { events, clock, backlog, heard } = listening();
  for (let n = 1; n < 250; n += 1) events.emit(moved('service', `${n}`));
  await clock.advance(1);
  expect(heard).toHaveLength(0);
  events.emit(moved('service', '250'));
  events.emit(moved('service', '251'));
  expect(heard).toHaveLength(0);
  await clock.advance(1);
  expect(heard).toHaveLength(250);
  await clock.advance(1_000);
  expect(heard).toHaveLength(250);
  backlog.close();
  events.emit(moved('service', '252'));
  backlog.catchUp();
  expect(heard.slice(249)).toEqual(['250', '251']);
});

it('has nothing left to tell once it was asked', async () => {
  const { events, clock, backlog, heard } = listening();
  for (let n = 1; n <= 1_500; n += 1) events.emit(moved('service', `${n}`));
  backlog.catchUp();
  events.emit(moved('service', '1501'));
  await clock.advance(1);
  expect(heard).toHaveLength(1_500);
});

it('keeps what happens in a boot until that is over, and tells it then some at a time', async () => {
  const { app, events, clock, heard } = listening(true);
  for (let n = 1; n <= 3_000; n += 1) events.emit(moved('service', `${n}`));
  await clock.advance(1_000);
  expect(heard).toHaveLength(0);
  app.isStarting = false;
  events.emit(moved('service', '3001'));
  expect(heard).toHaveLength(0);
  clock.fireNext();
  expect(heard).toHaveLength(250);
  await clock.advance(1_000);
  expect(heard).toHaveLength(3_000);
});

it('keeps all of a boot of thousands of services, and no more', () => {
  const { events, heard } = listening(true);
  for (let n = 1; n < 50_000; n += 1) events.emit(moved('service', `${n}`));
  expect(heard).toHaveLength(0);
  events.emit(moved('service', '50000'));
  expect(heard).toHaveLength(50_000);
});

it('tells the others what one listener throws at, and of that once', () => {
  const { events, backlog, failures } = listening();
  const broken = new Error('broken');
  backlog.on(() => {
    throw broken;
  });
  const last: RuntimeEvent[] = [];
  backlog.on((event) => last.push(event));
  events.emit(moved('service', '1'));
  events.emit(moved('service', '2'));
  backlog.catchUp();
  expect([last.length, failures]).toEqual([2, [broken]]);
});

it('leaves out the moves within a run, of which its beginning and its end tell', () => {
  const { events, backlog, heard } = listening();
  for (const machine of ['run', 'service', 'tool', 'connection'] as const) events.emit(moved(machine, machine));
  backlog.catchUp();
  expect(heard).toEqual(['service', 'connection']);
});
