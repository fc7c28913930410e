/** P6.1 to P6.3 and P6.9: how events reach the client. */
import type { AgentEvent } from '@muster/contracts';
import { NotApplicable } from '../deviation.ts';
import type { Check } from '../judge.ts';
import type { Peer } from '../peer.ts';
import type { Visit } from '../server-under-test.ts';

/** Below this interval a heartbeat cannot be told from the ping that follows events, in milliseconds. */
const LONG_HEARTBEAT_MS = 2_000;

function isWhole(peer: Peer, run: string, events: readonly AgentEvent[]): void {
  const own = events.filter((event) => event.run === run);
  own.forEach(({ n, id }, index) => {
    peer.assert(n === index + 1, `n ${index + 1} in run ${run}`, `n ${n}`);
    peer.assert(id === `${run}:${n}`, `id ${run}:${n}`, id);
  });
  peer.assert(own[0]?.event === 'agent_started', 'agent_started first', own[0]?.event);
  const last = own.findIndex(({ event }) => event === 'agent_completed');
  peer.assert(
    last === own.length - 1,
    'agent_completed last, and once',
    own.map(({ event }) => event),
  );
}

export const EVENTS: readonly Check<Visit>[] = [
  {
    point: 'P6.1',
    title: 'sends the threads that are subscribed, those that the session runs in, and no others',
    run: async (visit) => {
      const thread = visit.fresh();
      const [own, follower, left] = [
        await visit.enter(),
        await visit.enter(),
        await visit.enter({ subscribe: [thread] }),
      ];
      follower.peer.send({ type: 'subscribe', stream: thread });
      await follower.peer.expect('live', { what: `of ${thread}` });
      left.peer.send({ type: 'unsubscribe', stream: thread });
      await left.peer.roundTrip();
      await visit.run(own.peer, thread);
      await visit.ended(own.peer, thread);
      await visit.ended(follower.peer, thread);
      await left.peer.roundTrip();
      left.peer.assert(left.peer.all('events').length === 0, 'no events after unsubscribe', left.peer.all('events'));
    },
  },
  {
    point: 'P6.1',
    title: 'keeps the streams of another user to that user',
    run: async (visit) => {
      const { thread } = await visit.server.recording();
      const { peer, welcome } = await visit.enter({ subscribe: [thread] }, visit.otherToken());
      await visit.replayed(peer, thread, 0);
      peer.assert(welcome.streams[thread]?.top === 0, 'an empty stream', welcome.streams[thread]);
      peer.assert(peer.all('events').length === 0, 'no events', peer.all('events'));
    },
  },
  {
    point: 'P6.1',
    title: 'follows as many streams as welcome says, and refuses one more',
    run: async (visit) => {
      const { peer, welcome } = await visit.enter();
      const { streams } = welcome.limits;
      if (streams > 256) throw new NotApplicable(`${streams} streams are too many to try`);
      for (let n = 0; n < streams; n += 1) peer.send({ type: 'subscribe', stream: visit.fresh() });
      await peer.until(`live of ${streams} streams`, () => (peer.all('live').length >= streams ? true : undefined));
      peer.assert(peer.all('error').length === 0, `${streams} streams without an error`, peer.all('error')[0]);
      peer.send({ type: 'subscribe', stream: visit.fresh() });
      const { code } = await peer.expect('error', { what: 'for one stream more' });
      peer.assert(code === 'STREAMS_FULL', 'STREAMS_FULL', code);
    },
  },
  {
    point: 'P6.2',
    title: 'counts the events of a stream from 1 without a hole, in one epoch',
    run: async (visit) => {
      const thread = visit.fresh();
      const { peer, welcome } = await visit.enter({ subscribe: [thread] });
      for (const runs of [1, 2]) {
        await visit.run(peer, thread);
        const log = await visit.ended(peer, thread, runs);
        const { epoch } = welcome.streams[thread] ?? {};
        peer.assert(log.epoch === epoch, `epoch ${epoch}, as welcome said`, log.epoch);
        peer.assert(log.events.size === log.top, `${log.top} events up to offset ${log.top}`, `${log.events.size}`);
        peer.send({ type: 'ack', stream: thread, epoch: log.epoch, offset: log.top });
      }
      const twice = peer.all('events').filter(({ offset }, index, all) => offset <= (all[index - 1]?.offset ?? 0));
      peer.assert(twice.length === 0, 'offsets that rise', twice[0]);
      await peer.roundTrip();
    },
  },
  {
    point: 'P6.3',
    title: 'counts the events of a run from 1, names them by it, and ends with agent_completed',
    run: async (visit) => {
      const { runs, log } = await visit.server.recording();
      const { peer } = await visit.enter();
      for (const run of runs) isWhole(peer, run, log.all);
      const strangers = log.all.filter(({ run }) => !runs.includes(run));
      peer.assert(strangers.length === 0, `events of ${runs.join(' and ')}`, strangers[0]);
      const ids = new Set(log.all.map(({ id }) => id));
      peer.assert(ids.size === log.top, 'an id of its own for each event', `${ids.size} ids of ${log.top} events`);
    },
  },
  {
    point: 'P6.9',
    title: 'tells a client that has not acknowledged the end of a run where the stream stands',
    run: async (visit) => {
      const { peer, welcome } = await visit.enter();
      if (welcome.heartbeatMs < LONG_HEARTBEAT_MS)
        throw new NotApplicable(`a heartbeat every ${welcome.heartbeatMs} ms would hide it`);
      const thread = visit.fresh();
      const came = visit.now();
      await visit.run(peer, thread);
      const log = await visit.ended(peer, thread);
      const end = peer.frames.findIndex(
        (frame) => frame.type === 'events' && frame.events.some(({ event }) => event === 'agent_completed'),
      );
      const { positions } = await peer.expect('ping', { from: end, what: 'after agent_completed' });
      const isSo = positions[thread]?.offset === log.top && positions[thread]?.epoch === log.epoch;
      peer.assert(isSo, `the position ${log.top} of ${thread}`, positions);
      // Else it may have been the heartbeat, which comes anyway.
      peer.assert(visit.now() - came < welcome.heartbeatMs, 'a ping before the next heartbeat', 'the heartbeat');
    },
  },
];
