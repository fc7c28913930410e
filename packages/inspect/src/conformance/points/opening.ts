/** P1: how a connection is opened. */
import { SUBPROTOCOL } from '@muster/contracts';
import type { Check } from '../judge.ts';
import type { Peer, Refusal } from '../peer.ts';
import { bearerProtocols, type Visit } from '../server-under-test.ts';

const FOREIGN = 'http://conformance.invalid';

async function refusedWith(status: number, peer: Peer): Promise<Refusal> {
  const refusal = await peer.opened();
  peer.assert(refusal?.status === status, `status ${status}`, `status ${refusal?.status ?? 101}`);
  return refusal as Refusal;
}

/** Of the same server, and served by nobody. */
function nowhere(visit: Visit): string {
  const url = new URL(visit.server.url);
  url.pathname = `/${visit.fresh()}`;
  return url.href;
}

export const OPENING: readonly Check<Visit>[] = [
  {
    point: 'P1.1',
    title: 'selects muster.v1 and no other subprotocol, least of all one with a token',
    run: async (visit) => {
      const token = bearerProtocols(visit.server.token);
      for (const protocols of [[SUBPROTOCOL], token, [...token].reverse(), ['conformance', SUBPROTOCOL]]) {
        const peer = await visit.open({ protocols });
        peer.assert(peer.socket.protocol === SUBPROTOCOL, `the subprotocol ${SUBPROTOCOL}`, peer.socket.protocol);
        // Strangers are few at the same time.
        peer.cut();
      }
    },
  },
  {
    point: 'P1.2',
    title: 'refuses with 404, 400 and 403, in this order',
    run: async (visit) => {
      const lost = nowhere(visit);
      const headers = { origin: FOREIGN };
      const protocols = ['conformance'];
      await refusedWith(404, visit.knock({ url: lost }));
      await refusedWith(404, visit.knock({ url: lost, protocols, headers }));
      await refusedWith(400, visit.knock({ protocols: [] }));
      await refusedWith(400, visit.knock({ protocols, headers }));
      await refusedWith(403, visit.knock({ headers }));
    },
  },
  {
    point: 'P1.3',
    title: 'lets come who has no origin or its own, and nobody from elsewhere',
    run: async (visit) => {
      const { protocol, host } = new URL(visit.server.url);
      const own = { origin: `${protocol === 'wss:' ? 'https' : 'http'}://${host}` };
      for (const headers of [{}, own]) (await visit.open({ headers })).cut();
      for (const origin of [FOREIGN, 'null']) await refusedWith(403, visit.knock({ headers: { origin } }));
    },
  },
  {
    point: 'P1.5',
    title: 'gives every connection an id of its own',
    run: async (visit) => {
      const first = await visit.enter();
      const second = await visit.enter({ session: first.welcome.session });
      const { connection } = second.welcome;
      second.peer.assert(
        connection !== first.welcome.connection,
        'another id than that of the connection before',
        connection,
      );
    },
  },
];
