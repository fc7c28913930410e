/**
 * A run as an agent emits it, without the agent: what benches of events and of logs have in common.
 */
import { type EventLog, type Principal, type RuntimeEvents, streamOf, systemClock } from '@muster/core';
import { Content } from '../packages/agents/src/content/content.ts';
import { RunNews } from '../packages/agents/src/runs/run-news.ts';
import { RunRecorder } from '../packages/agents/src/runs/run-recorder.ts';
import { UserEmitter } from '../packages/agents/src/runs/user-emitter.ts';

export const THREAD = 'thread';
const AGENT = 'bench';
const content = new Content();

/** Begins a run of a user. Its first two events are emitted with its acceptance, and that is for the caller. */
export function runOf(principal: Principal, run: string, log: EventLog, events: RuntimeEvents): RunRecorder {
  const stream = streamOf(principal, THREAD);
  const about = { run, agent: AGENT, user: principal.user, thread: THREAD, stream, parent: null, connection: null };
  const news = new RunNews(about, events, systemClock);
  const emitter = new UserEmitter(principal, THREAD, log, run);
  return new RunRecorder(run, AGENT, emitter, { clock: systemClock, content, news });
}
