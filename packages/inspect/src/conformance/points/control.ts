/** P7, P8 and P11: cancelling, signs of life, and what is said before a close. */
import { CLOSE, type CloseName, isResumable, retryAfter } from '@muster/contracts';
import { NotApplicable } from '../deviation.ts';
import type { Check } from '../judge.ts';
import type { Peer } from '../peer.ts';
import type { Visit } from '../server-under-test.ts';

/** A heartbeat that is worth waiting for, in milliseconds. */
const SHORT_HEARTBEAT_MS = 1_000;

/** A `bye` that says of its code what the table says, as the last frame. */
async function saysBye(peer: Peer, name: CloseName): Promise<void> {
  const code = CLOSE[name];
  await peer.closed(code);
  const bye = peer.frames.at(-1);
  peer.assert(bye?.type === 'bye', 'bye as the last frame', bye);
  const expected = { code, name, retry: retryAfter(code), resumable: isResumable(code) };
  const isSo = Object.entries(expected).every(([key, value]) => (bye as Record<string, unknown>)[key] === value);
  peer.assert(isSo, JSON.stringify(expected), bye);
}

export const CONTROL: readonly Check<Visit>[] = [
  {
    point: 'P7.1',
    title: 'leaves a run that has ended as it is, without an answer',
    run: async (visit) => {
      const { runs, thread, top } = await visit.server.recording();
      const { peer } = await visit.enter({ subscribe: [thread] });
      await visit.replayed(peer, thread, 0);
      const { mark } = peer;
      peer.send({ type: 'cancel', run: runs[0], reason: 'conformance' });
      // Twice, because a refusal may have to be worked out.
      await peer.roundTrip();
      await peer.roundTrip();
      await peer.response(peer.request(visit.fresh('no-method'), null));
      const answers = peer.frames.slice(mark).filter(({ type }) => type === 'error' || type === 'events');
      peer.assert(answers.length === 0, `no answer, and no event above ${top}`, answers[0]);
    },
  },
  {
    point: 'P7.2',
    title: 'ends a run that is cancelled with the status cancelled',
    run: async (visit) => {
      const { peer } = await visit.enter();
      const thread = visit.fresh();
      const { run } = await visit.run(peer, thread);
      peer.send({ type: 'cancel', run });
      const log = await visit.ended(peer, thread);
      const last = log.all.at(-1);
      if (last?.event !== 'agent_completed') throw peer.deviation('agent_completed last', last?.event ?? 'nothing');
      if (last.data.status === 'success') throw new NotApplicable('the run ends before it can be cancelled');
      peer.assert(last.data.status === 'cancelled', 'the status cancelled', last.data.status);
    },
  },
  {
    point: 'P8.1',
    title: 'asks for signs of life, and closes with 4105 where there are none',
    run: async (visit) => {
      const { peer, welcome } = await visit.enter();
      const { heartbeatMs } = welcome;
      peer.isMute = true;
      if (heartbeatMs > SHORT_HEARTBEAT_MS) throw new NotApplicable(`a heartbeat takes ${heartbeatMs} ms`);
      const deadlineMs = heartbeatMs * 5 + visit.server.deadlineMs;
      await peer.until(`close ${CLOSE.heartbeatLost}`, () => peer.ended, deadlineMs);
      peer.assert(peer.ended?.code === CLOSE.heartbeatLost, `close ${CLOSE.heartbeatLost}`, peer.ended);
      peer.assert(peer.all('ping').length >= 2, 'two pings at least', `${peer.all('ping').length}`);
    },
  },
  {
    point: 'P8.2',
    title: 'answers every ping with one pong, and a pong with nothing',
    run: async (visit) => {
      const { peer } = await visit.enter();
      for (const type of ['ping', 'pong', 'ping', 'ping']) peer.send({ type });
      await peer.until('three pongs', () => (peer.all('pong').length >= 3 ? true : undefined));
      // What is too much has come before the answer to something else.
      await peer.response(peer.request(visit.fresh('no-method'), null));
      peer.assert(peer.all('pong').length === 3, 'one pong for each ping', `${peer.all('pong').length} for 3`);
      peer.assert(peer.all('error').length === 0, 'no error frame', peer.all('error')[0]);
    },
  },
  {
    point: 'P11.1',
    title: 'says bye before it closes: code, name, retry and resumable belong together',
    run: async (visit) => {
      const malformed = await visit.open();
      malformed.send({ type: 'ping' });
      await saysBye(malformed, 'malformedHello');
      const stranger = await visit.open();
      stranger.hello(undefined);
      await saysBye(stranger, 'unauthenticated');
      const lost = await visit.open();
      lost.hello(visit.server.token, { session: 'conformance' });
      await saysBye(lost, 'sessionExpired');
      const { peer, welcome } = await visit.enter();
      const second = await visit.enter({ session: welcome.session });
      await saysBye(peer, 'replaced');
      second.peer.hello(visit.server.token);
      await saysBye(second.peer, 'secondHello');
    },
  },
];
