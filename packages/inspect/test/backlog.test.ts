/** What is heard late is heard all the same: in its order, all of it when somebody asks, and never much later. */
import { expect, it } from '@jest/globals';
import { type RuntimeEvent, RuntimeEvents } from '@muster/core';
import { Backlog } from '../src/backlog.ts';

const moved = (machine: 'service' | 'run', subject: string): RuntimeEvent => ({
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
  const backlog = new Backlog({ events, isStarting: () => isStarting, failed: (error) => failures.push(error) });
  backlog.on((event) => {
    if (event.type === 'moved') heard.push(event.subject);
  });
  return { events, backlog, heard, failures };
}

it('tells of what has happened when somebody asks, once', () => {
  const { events, backlog, heard } = listening();
  events.emit(moved('run', '1'));
  expect(heard).toEqual([]);
  backlog.catchUp();
  expect(heard).toEqual(['1']);
  events.emit(moved('service', '2'));
  events.emit(moved('run', '3'));
  backlog.catchUp();
  backlog.catchUp();
  expect(heard).toEqual(['1', '2', '3']);
});

it('keeps a thousand at the most, and tells the last of them when it is closed', () => {
  const { events, backlog, heard } = listening();
  for (let n = 1; n < 1_000; n += 1) events.emit(moved('run', `${n}`));
  expect(heard).toHaveLength(0);
  events.emit(moved('run', '1000'));
  expect(heard).toHaveLength(1_000);
  events.emit(moved('run', '1001'));
  backlog.close();
  events.emit(moved('service', '1002'));
  expect(heard.slice(999)).toEqual(['1000', '1001']);
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
