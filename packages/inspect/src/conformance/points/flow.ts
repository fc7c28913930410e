/** P6.6 and P6.7: what is acknowledged, and what may be on its way without that. */
import { NotApplicable } from '../deviation.ts';
import type { Check } from '../judge.ts';
import type { Visit } from '../server-under-test.ts';
import { StreamLog } from '../stream-log.ts';

/** Runs that are worth making to fill a window. */
const MOST_RUNS = 40;
/** Round trips that nothing may come in between. */
const QUIET = 3;

export const FLOW: readonly Check<Visit>[] = [
  {
    point: 'P6.6',
    title: 'takes an ack for everything up to its offset, and refuses one of more than was sent',
    run: async (visit) => {
      const { thread, epoch, top } = await visit.server.recording();
      const { peer } = await visit.enter({ subscribe: [thread] });
      await visit.replayed(peer, thread, 0);
      for (const offset of [1, top, top - 1]) peer.send({ type: 'ack', stream: thread, epoch, offset });
      await peer.roundTrip();
      peer.assert(peer.all('error').length === 0, 'no answer to an ack', peer.all('error')[0]);
      peer.send({ type: 'ack', stream: thread, epoch, offset: top + 1 });
      const { code } = await peer.expect('error', { what: `for an ack of ${top + 1}` });
      peer.assert(code === 'ACK_BEYOND', 'ACK_BEYOND', code);
      await peer.roundTrip();
    },
  },
  {
    point: 'P6.7',
    title: 'sends no more than the window without an ack, and the rest after it',
    run: async (visit) => {
      const { peer: first, welcome } = await visit.enter();
      const { window } = welcome.limits;
      const { top: ofTwo } = await visit.server.recording();
      // Two windows, so that there is something left after the first.
      const runs = Math.ceil((4 * window + 2) / ofTwo);
      if (runs > MOST_RUNS)
        throw new NotApplicable(`two runs make ${ofTwo} events, too few to fill the window of ${window}`);
      const { thread, epoch, top } = await visit.record(runs);
      first.cut();
      const { peer } = await visit.enter({ subscribe: [thread] });
      await peer.until(`${window} events`, () => (StreamLog.of(peer.frames, thread).top >= window ? true : undefined));
      for (let n = 0; n < QUIET; n += 1) await peer.roundTrip();
      const sent = StreamLog.of(peer.frames, thread).top;
      const last = peer.all('events').at(-1)?.events.length ?? 1;
      peer.assert(sent < window + last, `${window} events, and what ends the frame of the last`, `${sent} events`);
      for (let acked = sent; acked < top;) {
        peer.send({ type: 'ack', stream: thread, epoch, offset: acked });
        acked = await peer.until(`events above ${acked}`, () => {
          const { top: now } = StreamLog.of(peer.frames, thread);
          return now > acked ? now : undefined;
        });
      }
    },
  },
];
