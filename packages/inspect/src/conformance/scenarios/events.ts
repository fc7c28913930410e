/** What a client makes of events: each once, in order, none lost, and acknowledged when it is done with them. */
import type { ClientUnderTest } from '../client-under-test.ts';
import type { Check } from '../judge.ts';
import { runOf } from '../scripted-link.ts';

/** After so many events an ack is due. */
const ACK_EVENTS = 32;
/** Round trips that nothing may come in between. */
const QUIET = 3;

const idsOf = (events: readonly { readonly id: string }[]): string[] => events.map(({ id }) => id);

export const EVENTS: readonly Check<ClientUnderTest>[] = [
  {
    point: 'P6.4',
    title: 'drops what it has, and hands on what comes next',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream } = client;
      const run = runOf('run', 6);
      for (const [from, to] of [
        [1, 3],
        [1, 3],
        [2, 4],
        [4, 4],
        [3, 6],
      ] as const)
        link.events(stream, run.slice(from - 1, to), from);
      await client.hands(idsOf(run));
      await link.acknowledged({ ...stream, offset: 6 });
      await link.roundTrip();
      await client.hands(idsOf(run));
    },
  },
  {
    point: 'P6.5',
    title: 'takes a reset, and goes on above its floor in the new epoch',
    run: async (client) => {
      const link = await client.welcomed();
      const { thread } = client.stream;
      const [before, after] = [runOf('before', 2, false), runOf('after', 3)];
      link.events(client.stream, before, 1);
      await client.hands(idsOf(before));
      const next = { thread, epoch: `${client.stream.epoch}-2`, offset: 4 };
      link.send({
        type: 'reset',
        stream: thread,
        epoch: next.epoch,
        floor: 4,
        why: 'the stream has begun anew under another epoch',
      });
      link.events(next, after, 5);
      link.live({ ...next, offset: 7 });
      await client.hands(idsOf([...before, ...after]));
      await link.acknowledged({ ...next, offset: 7 });
      await link.roundTrip();
      link.assert(link.all('pull').length === 0, 'no pull of what is gone', link.all('pull')[0]);
    },
  },
  {
    point: 'P6.6',
    title: 'acknowledges what it has processed, and not what it has only received',
    run: async (client) => {
      const link = await client.welcomed({ hold: true });
      const { stream } = client;
      const run = runOf('run', 3);
      link.events(stream, run, 1);
      const isHanded = (count: number) => (): true | undefined => (client.handed.length >= count ? true : undefined);
      for (let offset = 1; offset <= 3; offset += 1) {
        await client.until(`a line for ${run[offset - 1]?.id}`, isHanded(offset));
        for (let n = 0; n < QUIET; n += 1) await link.roundTrip();
        const early = link.all('ack').find((ack) => ack.offset >= offset);
        link.assert(early === undefined, `no ack of ${offset} while it is being processed`, early);
        client.release();
      }
      await link.acknowledged({ ...stream, offset: 3 });
    },
  },
  {
    point: 'P6.6',
    title: 'acknowledges after 32 events at the latest, up to the last, and never less than before',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream } = client;
      const run = runOf('run', ACK_EVENTS + 3, false);
      link.events(stream, run.slice(0, ACK_EVENTS), 1);
      await link.acknowledged({ ...stream, offset: ACK_EVENTS });
      link.events(stream, run.slice(ACK_EVENTS), ACK_EVENTS + 1);
      await link.acknowledged({ ...stream, offset: run.length });
      const offsets = link.all('ack').map(({ offset }) => offset);
      link.assert(
        offsets.every((offset, index) => offset >= (offsets[index - 1] ?? 0)),
        'acks that rise',
        offsets,
      );
    },
  },
  {
    point: 'P6.8',
    title: 'pulls where something is missing, and hands nothing on beyond it',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream } = client;
      const run = runOf('run', 6);
      link.events(stream, run.slice(0, 2), 1);
      link.events(stream, run.slice(4), 5);
      await link.pulled(stream, 2);
      await link.roundTrip();
      await client.hands(idsOf(run.slice(0, 2)));
      link.events(stream, run.slice(2), 3);
      await client.hands(idsOf(run));
      await link.acknowledged({ ...stream, offset: 6 });
    },
  },
  {
    point: 'P6.9',
    title: 'sees by the position in a ping that the last events are missing, and pulls',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream } = client;
      const run = runOf('run', 4);
      link.events(stream, run.slice(0, 2), 1);
      link.position({ ...stream, offset: 2 });
      await client.hands(idsOf(run.slice(0, 2)));
      await link.roundTrip();
      link.assert(link.all('pull').length === 0, 'no pull while nothing is missing', link.all('pull')[0]);
      link.position({ ...stream, offset: 4 });
      await link.pulled(stream, 2);
      link.events(stream, run.slice(2), 3);
      await client.hands(idsOf(run));
    },
  },
  {
    point: 'P8.2',
    title: 'answers every ping',
    run: async (client) => {
      const link = await client.welcomed();
      for (let n = 0; n < QUIET; n += 1) link.position(client.stream);
      await link.until(`${QUIET} pongs`, () => (link.all('pong').length >= QUIET ? true : undefined));
    },
  },
  {
    point: 'P12.2',
    title: 'goes on after frames and fields that it does not know',
    run: async (client) => {
      const link = await client.welcomed();
      const { stream } = client;
      const run = runOf('run', 3).map((event) => ({ ...event, novelty: [1] }));
      link.send({ type: 'novelty', stream: stream.thread, deep: { er: 1 } });
      link.events(stream, run, 1, { novelty: 'new' });
      link.send({ type: 'novelty' });
      await client.hands(idsOf(run));
      await link.acknowledged({ ...stream, offset: 3 });
      await link.roundTrip();
      client.assert(client.links.length === 1, 'one connection', `${client.links.length}`);
    },
  },
];
