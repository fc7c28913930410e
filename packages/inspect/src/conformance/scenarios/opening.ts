/** How a client opens its connection, and waits until it is welcome. */
import { SUBPROTOCOL } from '@muster/contracts';
import type { ClientUnderTest } from '../client-under-test.ts';
import type { Check } from '../judge.ts';
import { runOf } from '../scripted-link.ts';

export const OPENING: readonly Check<ClientUnderTest>[] = [
  {
    point: 'P1.1',
    title: 'offers the subprotocol muster.v1',
    run: async (client) => {
      const { upgrade } = await client.start();
      client.assert(upgrade.protocols.includes(SUBPROTOCOL), SUBPROTOCOL, upgrade.protocols.join(', ') || 'none');
    },
  },
  {
    point: 'P2.1',
    title: 'says hello first, and once',
    run: async (client) => {
      const link = await client.welcomed();
      const run = runOf('run', 3);
      link.events(client.stream, run, 1);
      await link.acknowledged({ ...client.stream, offset: 3 });
      await link.roundTrip();
      link.assert(link.all('hello').length === 1, 'one hello', `${link.all('hello').length} of them`);
    },
  },
  {
    point: 'P2.3',
    title: 'shows its token in hello, in the header or as a subprotocol, and never in the URL',
    run: async (client) => {
      const link = await client.start();
      const { auth } = await link.hello();
      const { url, protocols, authorization } = link.upgrade;
      const isInUrl = [url, decodeURIComponent(url)].some((each) => each.includes(client.token));
      client.assert(!isInUrl, 'an URL without the token', url);
      const offered = protocols.find((each) => each.startsWith('bearer.'))?.slice(7);
      const shown =
        auth?.token ?? authorization?.replace(/^Bearer /i, '') ?? Buffer.from(offered ?? '', 'base64url').toString();
      client.assert(shown === client.token, 'the token of MUSTER_TOKEN', shown === '' ? 'none' : 'another one');
    },
  },
  {
    point: 'P3.1',
    title: 'stays where it is told to wait',
    run: async (client) => {
      const link = await client.start();
      await link.hello();
      for (const pending of [['Database'], []])
        link.send({ type: 'wait', phase: 'gated', pending, retryAfterMs: 2_000 });
      await link.welcome(client.stream, { session: client.session });
      link.live(client.stream);
      const run = runOf('run', 3);
      link.events(client.stream, run, 1);
      await client.hands(run.map(({ id }) => id));
      await link.roundTrip();
      client.assert(client.links.length === 1, 'one connection', `${client.links.length}`);
    },
  },
];
