/** P2: what the client says first. */
import { CLOSE } from '@muster/contracts';
import type { Check } from '../judge.ts';
import { bearerProtocols, type Visit } from '../server-under-test.ts';

const client = { id: 'c', name: 'n', version: '1' };
const long = 'x'.repeat(201);
const MANY = Array.from({ length: 65 }, (_, index) => `t${index}`);

/** What is no `hello`. */
const NO_HELLO: readonly unknown[] = [
  '{ no JSON',
  { type: 'ping' },
  { type: 'novelty' },
  { type: 'hello' },
  new Uint8Array([123, 125]),
];

/** What is none either, looked at closely. */
const BAD_HELLO: readonly object[] = [
  { type: 'hello', client: { ...client, name: '' } },
  { type: 'hello', client: { ...client, version: long } },
  { type: 'hello', client: { id: 'c', name: 'n' } },
  { type: 'hello', client, subscribe: MANY },
  { type: 'hello', client, cursors: Object.fromEntries(MANY.map((name) => [name, { epoch: 'e', offset: 0 }])) },
];

async function isNoHello(visit: Visit, frames: readonly unknown[]): Promise<void> {
  for (const frame of frames) {
    const peer = await visit.open();
    peer.send(frame);
    await peer.refused(CLOSE.malformedHello);
  }
}

export const HELLO: readonly Check<Visit>[] = [
  {
    point: 'P2.1',
    title: 'closes with 4004 what begins otherwise',
    run: (visit) => isNoHello(visit, NO_HELLO),
  },
  {
    point: 'P2.1',
    title: 'closes with 4007 at a second hello',
    run: async (visit) => {
      const { peer } = await visit.enter();
      peer.hello(visit.server.token);
      await peer.refused(CLOSE.secondHello);
    },
  },
  {
    point: 'P2.2',
    title: 'keeps hello within its bounds, and needs no more of it than client',
    run: async (visit) => {
      await isNoHello(visit, BAD_HELLO);
      const { peer, welcome } = await visit.enter({ subscribe: MANY.slice(1).map((name) => visit.fresh(name)) });
      peer.assert(
        Object.keys(welcome.streams).length === 64,
        '64 streams in welcome',
        Object.keys(welcome.streams).length,
      );
      await visit.enter();
    },
  },
  {
    point: 'P2.3',
    title: 'takes the token from hello, from the header and from a subprotocol, and repeats it nowhere',
    run: async (visit) => {
      const { token } = visit.server;
      const header = { headers: { authorization: `Bearer ${token}` } };
      const ways = [{}, header, { protocols: bearerProtocols(token) }];
      for (const [index, way] of ways.entries()) {
        const peer = await visit.open(way);
        peer.hello(index === 0 ? token : undefined);
        await peer.welcome();
        await peer.roundTrip();
        const told = peer.texts.find((text) => text.includes(token));
        peer.assert(told === undefined, 'no frame with the token', told);
      }
    },
  },
  {
    point: 'P2.3',
    title: 'lets the token of hello count before the others',
    run: async (visit) => {
      const { token } = visit.server;
      const bad = visit.fresh('no-token');
      const right = await visit.open({ headers: { authorization: `Bearer ${bad}` }, protocols: bearerProtocols(bad) });
      right.hello(token);
      await right.welcome();
      const wrong = await visit.open({
        headers: { authorization: `Bearer ${token}` },
        protocols: bearerProtocols(token),
      });
      wrong.hello(bad);
      await wrong.refused(CLOSE.unauthenticated, 'TOKEN_INVALID');
    },
  },
  {
    point: 'P2.4',
    title: 'closes with 4001 without a token, or with one that it does not accept',
    run: async (visit) => {
      for (const token of [undefined, visit.fresh('no-token')]) {
        const peer = await visit.open();
        peer.hello(token);
        await peer.refused(CLOSE.unauthenticated, 'TOKEN_INVALID');
        const told = peer.texts.find((text) => token !== undefined && text.includes(token));
        peer.assert(told === undefined, 'no frame with the token', told);
      }
    },
  },
  {
    point: 'P2.5',
    title: 'repeats the session that is gone on with, and makes a fresh one otherwise',
    run: async (visit) => {
      const first = await visit.enter();
      const { session } = first.welcome;
      first.peer.cut();
      const again = await visit.enter({ session });
      again.peer.assert(again.welcome.session === session, `the session ${session}`, again.welcome.session);
      const other = await visit.enter();
      other.peer.assert(other.welcome.session !== session, 'a fresh session', other.welcome.session);
    },
  },
  {
    point: 'P2.5',
    title: 'closes with 4301 for a session that no server has made',
    run: async (visit) => {
      const peer = await visit.open();
      peer.hello(visit.server.token, { session: 'conformance' });
      await peer.refused(CLOSE.sessionExpired, 'SESSION_EXPIRED');
    },
  },
  {
    point: 'P2.5',
    title: 'closes with 4301 for a session of another user',
    run: async (visit) => {
      const other = await visit.enter({}, visit.otherToken());
      const peer = await visit.open();
      peer.hello(visit.server.token, { session: other.welcome.session });
      await peer.refused(CLOSE.sessionExpired, 'SESSION_EXPIRED');
    },
  },
  {
    point: 'P2.7',
    title: 'keeps what follows hello at once, and has it after welcome, in order',
    run: async (visit) => {
      const peer = await visit.open();
      peer.hello(visit.server.token);
      const ids = Array.from({ length: 20 }, () => peer.request(visit.fresh('no-method'), null));
      await peer.response(ids.at(-1) as string);
      const first = peer.frames.find(({ type }) => type === 'welcome' || type === 'response');
      peer.assert(first?.type === 'welcome', 'welcome before every response', first);
      const got = peer.all('response').map(({ id }) => id);
      peer.assert(String(got) === String(ids), 'one response to each request, in order', got);
    },
  },
];
