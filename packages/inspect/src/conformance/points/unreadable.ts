/** P12: what happens to what cannot be read. */
import { CLOSE } from '@muster/contracts';
import { NotApplicable } from '../deviation.ts';
import type { Check } from '../judge.ts';
import type { Peer } from '../peer.ts';
import type { Visit } from '../server-under-test.ts';

const nested = `${'['.repeat(40)}${']'.repeat(40)}`;

/** Each gets one `error` frame. */
const BAD: Readonly<Record<string, unknown>> = {
  'bad JSON': '{ no JSON',
  'no object': '[]',
  'an unknown type': { type: 'novelty' },
  'no type': {},
  'a wrong shape': { type: 'ack', stream: 7 },
  'a nesting of 40 levels': `{"type":"request","id":"6f8f57b1-9d5c-4f0e-8a7b-1f2e3d4c5b6a","method":"m","data":${nested}}`,
  'a binary frame': new TextEncoder().encode('{"type":"ping"}'),
};

/** Unreadable frames that are more than a server has to bear. */
const TOO_MANY = 600;

/** One frame, masked with zeros: the payload stays as it is. */
function rawFrame(opcode: number, payload: Uint8Array, isMasked = true): Uint8Array {
  return new Uint8Array([
    0x80 | opcode,
    (isMasked ? 0x80 : 0) | payload.length,
    ...(isMasked ? [0, 0, 0, 0] : []),
    ...payload,
  ]);
}

async function violates(
  visit: Visit,
  code: number,
  violate: (peer: Peer, messageBytes: number) => void,
): Promise<void> {
  const { peer, welcome } = await visit.enter();
  violate(peer, welcome.limits.messageBytes);
  await peer.closed(code);
  peer.assert(peer.all('bye').length === 0, `no bye before ${code}`, peer.all('bye')[0]);
}

function raw(visit: Visit, frame: Uint8Array): (peer: Peer) => void {
  return (peer) => {
    if (peer.raw === undefined)
      throw new NotApplicable(`what is sent to ${new URL(visit.server.url).protocol} is encrypted`);
    peer.raw.write(frame);
  };
}

export const UNREADABLE: readonly Check<Visit>[] = [
  {
    point: 'P12.1',
    title: 'answers each frame that cannot be read with one error, and reads the next',
    run: async (visit) => {
      const { peer, welcome } = await visit.enter();
      const tooLarge = JSON.stringify({ type: 'ping', pad: 'x'.repeat(welcome.limits.messageBytes) });
      for (const [what, frame] of Object.entries({ ...BAD, 'a frame above the limit': tooLarge })) {
        const { mark } = peer;
        peer.send(frame);
        await peer.roundTrip();
        const errors = peer.all('error', mark);
        peer.assert(errors.length === 1, `one error frame for ${what}`, `${errors.length}`);
        peer.assert(peer.all('pong', mark).length === 1, `one pong after ${what}`, peer.frames.slice(mark));
      }
    },
  },
  {
    point: 'P12.2',
    title: 'names the request of an error where it could be read, and drops fields that it does not know',
    run: async (visit) => {
      const { peer } = await visit.enter();
      const id = '6f8f57b1-9d5c-4f0e-8a7b-1f2e3d4c5b6a';
      peer.send({ type: 'request', id, method: 7 });
      const named = await peer.expect('error', { what: 'for a request with a wrong method' });
      peer.assert(named.request === id, `request ${id}`, named);
      const { mark } = peer;
      peer.send({ type: 'novelty', id });
      const other = await peer.expect('error', { from: mark, what: 'for an unknown type' });
      peer.assert(other.request === undefined, 'no request in an error about something else', other);
      peer.send({ type: 'ping', novelty: { deep: [1] } });
      await peer.expect('pong', { from: mark });
      peer.assert(
        peer.all('error', mark).length === 1,
        'no error for a field that is not known',
        peer.all('error', mark)[1],
      );
    },
  },
  {
    point: 'P12.3',
    title: 'closes with 1002, 1007 and 1009 where RFC 6455 is violated, without bye',
    run: async (visit) => {
      await violates(visit, 1009, (peer, messageBytes) => peer.send(' '.repeat(4 * messageBytes + 1)));
      await violates(visit, 1007, raw(visit, rawFrame(1, new Uint8Array([0x22, 0xff, 0xfe, 0x22]))));
      await violates(visit, 1002, raw(visit, rawFrame(1, new TextEncoder().encode('{"type":"ping"}'), false)));
      await violates(visit, 1002, raw(visit, rawFrame(3, new Uint8Array())));
    },
  },
  {
    point: 'P12.4',
    title: 'closes with 4103 who goes on and on',
    run: async (visit) => {
      const { peer } = await visit.enter();
      for (let n = 0; n < TOO_MANY; n += 1) peer.send('x');
      await peer.closed(CLOSE.rateLimited);
      const errors = peer.all('error').length;
      peer.assert(errors > 500, 'one error frame each, more than 500', `${errors}`);
    },
  },
];
