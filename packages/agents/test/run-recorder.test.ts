import { expect, it } from '@jest/globals';
import { MemoryLog, principalOf, RuntimeEvents, streamOf, systemRandom } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { Content } from '../src/content/content.ts';
import { RunNews } from '../src/runs/run-news.ts';
import { RunRecorder } from '../src/runs/run-recorder.ts';
import { UserEmitter } from '../src/runs/user-emitter.ts';

it('tells of the beginning of a run before its end, also where all of it goes into the log at once', async () => {
  const clock = new FakeClock();
  const events = new RuntimeEvents();
  const told: string[] = [];
  events.on(({ type }) => {
    if (type !== 'moved') told.push(type);
  });
  const log = new MemoryLog(clock, systemRandom, (error) => {
    throw error;
  });
  const principal = principalOf('ann');
  const stream = streamOf(principal, 't');
  const about = { run: 'r', agent: 'guide', user: 'ann', thread: 't', stream, parent: null, connection: null };
  const news = new RunNews(about, events, clock);
  const recorder = new RunRecorder('r', 'guide', new UserEmitter(principal, 't', log, 'r'), {
    clock,
    news,
    content: new Content(),
  });
  const accepted = recorder.accept('what?', 'looking');
  const ended = recorder.finish({ status: 'success', by: 'agent', finalResponse: 'that' });
  await clock.settle();
  await Promise.all([accepted, ended]);
  expect(told).toEqual(['run-begun', 'run-ended']);
});
