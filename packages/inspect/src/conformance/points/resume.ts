/** P6.4, P6.5 and P6.8: how a client goes on where it was. */
import { NotApplicable } from '../deviation.ts';
import type { Check } from '../judge.ts';
import type { Peer } from '../peer.ts';
import type { Recording, Visit } from '../server-under-test.ts';
import { StreamLog } from '../stream-log.ts';

/** Everything above `from` and nothing else than what was sent before. */
function isRest(peer: Peer, log: StreamLog, from: number, { top, log: whole }: Recording): void {
  peer.assert(log.top === top, `events from ${from + 1} to ${top}`, `events up to ${log.top}`);
  for (const [offset, { id }] of log.events)
    peer.assert(id === whole.events.get(offset)?.id, `${whole.events.get(offset)?.id} at offset ${offset}`, id);
}

/** A stream that cannot be continued begins anew, as `welcome`, `reset` and what follows say alike. */
async function isReset(visit: Visit, peer: Peer, recording: Recording, mark: number): Promise<void> {
  const { thread, epoch } = recording;
  const reset = await peer.expect('reset', { from: mark, what: `of ${thread}` });
  peer.assert(reset.epoch === epoch && reset.why !== '', `epoch ${epoch} and why`, reset);
  const before = peer.all('events', mark).filter((frame) => peer.frames.indexOf(frame) < peer.frames.indexOf(reset));
  peer.assert(before.length === 0, 'no events before the reset', before[0]);
  isRest(peer, await visit.replayed(peer, thread, reset.floor, mark), reset.floor, recording);
}

export const RESUME: readonly Check<Visit>[] = [
  {
    point: 'P6.4',
    title: 'replays what lies above a cursor, at every cut, and then says live',
    run: async (visit) => {
      const recording = await visit.server.recording();
      const { thread, epoch, top } = recording;
      for (let offset = 0; offset <= top; offset += 1) {
        const { peer } = await visit.enter(visit.cursor(thread, { epoch, offset }));
        isRest(peer, await visit.replayed(peer, thread, offset), offset, recording);
        const live = peer.all('live')[0];
        peer.assert(live?.epoch === epoch && live.offset === top, `live at ${top}`, live);
        peer.assert(peer.all('reset').length === 0, `no reset at cursor ${offset}`, peer.all('reset')[0]);
        peer.cut();
      }
    },
  },
  {
    point: 'P6.4',
    title: 'replays from the floor without a cursor, and above one that comes with subscribe',
    run: async (visit) => {
      const recording = await visit.server.recording();
      const { thread, epoch } = recording;
      const whole = await visit.enter({ subscribe: [thread] });
      isRest(whole.peer, await visit.replayed(whole.peer, thread, 0), 0, recording);
      const { peer } = await visit.enter();
      peer.send({ type: 'subscribe', stream: thread, cursor: { epoch, offset: 2 } });
      isRest(peer, await visit.replayed(peer, thread, 2), 2, recording);
    },
  },
  {
    point: 'P6.4',
    title: 'misses nothing when a connection is cut during a run and the next goes on',
    run: async (visit) => {
      const thread = visit.fresh();
      const first = await visit.enter({ subscribe: [thread] });
      await visit.run(first.peer, thread);
      await first.peer.expect('events');
      const had = StreamLog.of(first.peer.frames, thread);
      first.peer.cut();
      const { session } = first.welcome;
      const cursor = visit.cursor(thread, { epoch: had.epoch ?? '', offset: had.top });
      const { peer } = await visit.enter({ session, ...cursor });
      if (had.hasEnded(1)) throw new NotApplicable('the run ends before it can be cut');
      const log = await visit.ended(peer, thread, 1, had.top);
      peer.assert(log.epoch === had.epoch, `epoch ${had.epoch}`, log.epoch);
      const all = new Map([...had.events, ...log.events]);
      const ns = [...all].sort(([a], [b]) => a - b).map(([, { n }]) => n);
      peer.assert(
        ns.every((n, index) => n === index + 1),
        'the whole run over both connections',
        ns,
      );
    },
  },
  {
    point: 'P6.5',
    title: 'resets a cursor of another epoch, or beyond the end',
    run: async (visit) => {
      const recording = await visit.server.recording();
      const { thread, epoch, top } = recording;
      for (const cursor of [
        { epoch: visit.fresh('epoch'), offset: 1 },
        { epoch, offset: top + 1 },
      ]) {
        const { peer, welcome } = await visit.enter(visit.cursor(thread, cursor));
        peer.assert(welcome.streams[thread]?.status === 'reset', 'status reset in welcome', welcome.streams[thread]);
        await isReset(visit, peer, recording, 0);
        const open = await visit.enter();
        open.peer.send({ type: 'subscribe', stream: thread, cursor });
        await isReset(visit, open.peer, recording, 0);
      }
    },
  },
  {
    point: 'P6.8',
    title: 'sends everything above since once more',
    run: async (visit) => {
      const recording = await visit.server.recording();
      const { thread, epoch, top } = recording;
      const { peer } = await visit.enter({ subscribe: [thread] });
      await visit.replayed(peer, thread, 0);
      for (const since of [0, 1, top - 1]) {
        const mark = peer.mark;
        peer.send({ type: 'pull', stream: thread, epoch, since });
        const log = await peer.until(`events above ${since}`, () => {
          const log = StreamLog.of(peer.frames.slice(mark), thread, since);
          return log.top >= top ? log : undefined;
        });
        isRest(peer, log, since, recording);
      }
    },
  },
];
