/** P4: when the connection is ready. */
import { CLOSE } from '@muster/contracts';
import type { Check } from '../judge.ts';
import type { Visit } from '../server-under-test.ts';

export const WELCOME: readonly Check<Visit>[] = [
  {
    point: 'P4.1',
    title: 'ends the handshake with one welcome that says what can be relied on',
    run: async (visit) => {
      const { peer, welcome } = await visit.enter();
      await peer.roundTrip();
      peer.assert(peer.all('welcome').length === 1, 'one welcome', peer.all('welcome'));
      const numbers = { ...welcome.limits, heartbeatMs: welcome.heartbeatMs };
      const wrong = Object.entries(numbers).filter(([, value]) => !(value > 0));
      peer.assert(wrong.length === 0, 'limits and heartbeat above 0', Object.fromEntries(wrong));
    },
  },
  {
    point: 'P4.2',
    title: 'has an entry for each stream of hello, and for no other',
    run: async (visit) => {
      const { thread, epoch, top } = await visit.server.recording();
      const fresh = visit.fresh();
      const { peer, welcome } = await visit.enter({
        subscribe: [fresh],
        ...visit.cursor(thread, { epoch, offset: 1 }),
      });
      const names = Object.keys(welcome.streams).sort();
      peer.assert(String(names) === String([thread, fresh].sort()), `streams ${thread} and ${fresh}`, names);
      const known = welcome.streams[thread];
      const isKnown = known?.epoch === epoch && known.top === top && known.floor <= 1 && known.status === 'live';
      peer.assert(isKnown, `epoch ${epoch}, top ${top}, status live`, known);
      const empty = welcome.streams[fresh];
      const isEmpty = empty?.floor === 0 && empty.top === 0 && empty.status === 'live' && empty.epoch !== '';
      peer.assert(isEmpty, 'an epoch, floor 0, top 0, status live of a fresh stream', empty);
    },
  },
  {
    point: 'P4.3',
    title: 'replays every stream before it handles what waits',
    run: async (visit) => {
      const { thread, top } = await visit.server.recording();
      const fresh = visit.fresh();
      const peer = await visit.open();
      peer.hello(visit.server.token, { subscribe: [thread, fresh] });
      await peer.response(peer.request(visit.fresh('no-method'), null));
      const before = peer.frames.slice(
        0,
        peer.frames.findIndex(({ type }) => type === 'response'),
      );
      const live = before.flatMap((frame) => (frame.type === 'live' ? [`${frame.stream} ${frame.offset}`] : []));
      const expected = [`${thread} ${top}`, `${fresh} 0`];
      peer.assert(
        String(live.sort()) === String(expected.sort()),
        `live of ${expected.join(' and ')} before the response`,
        live,
      );
    },
  },
  {
    point: 'P4.4',
    title: 'closes the connection before with 4309 when another of the session is ready, and not earlier',
    run: async (visit) => {
      const first = await visit.enter();
      const second = await visit.open();
      await first.peer.roundTrip();
      second.hello(visit.server.token, { session: first.welcome.session });
      await second.welcome();
      await first.peer.closed(CLOSE.replaced);
      await second.roundTrip();
    },
  },
];
