/** P5: how requests are answered. */
import type { ResponseFrame } from '@muster/contracts';
import type { Check } from '../judge.ts';
import type { Peer } from '../peer.ts';
import type { Visit } from '../server-under-test.ts';

/** The same content, whatever the order of the fields. */
function isSame(a: ResponseFrame, b: ResponseFrame): boolean {
  const sorted = (value: unknown): string =>
    JSON.stringify(value, (_, each: unknown) =>
      typeof each === 'object' && each !== null && !Array.isArray(each)
        ? Object.fromEntries(Object.entries(each).sort())
        : each,
    );
  return sorted(a) === sorted(b);
}

/** How many runs of a thread are in the log by now, as a connection sees that looks from the beginning. */
async function runsIn(visit: Visit, thread: string): Promise<number> {
  const { peer } = await visit.enter({ subscribe: [thread] });
  const log = await visit.replayed(peer, thread, 0);
  return log.all.filter(({ event }) => event === 'agent_started').length;
}

async function isOnce(visit: Visit, peer: Peer, thread: string): Promise<void> {
  const runs = await runsIn(visit, thread);
  peer.assert(runs === 1, 'one execution of one request', `${runs} runs in the thread`);
}

async function isMismatch(peer: Peer, id: string, nth: number): Promise<void> {
  const response = await peer.response(id, nth);
  const code = response.ok ? 'an answer' : response.error.code;
  peer.assert(code === 'IDEMPOTENCY_MISMATCH', 'IDEMPOTENCY_MISMATCH', code);
}

export const REQUESTS: readonly Check<Visit>[] = [
  {
    point: 'P5.1',
    title: 'takes a UUID as id and a method of 1 to 200 characters, and nothing else',
    run: async (visit) => {
      const { peer } = await visit.enter();
      const id = '6f8f57b1-9d5c-4f0e-8a7b-1f2e3d4c5b6a';
      const bad = [{ id: 'one' }, { id, method: '' }, { id, method: 'm'.repeat(201) }, { id, method: undefined }];
      for (const [index, more] of bad.entries()) {
        peer.send({ type: 'request', method: 'm', ...more });
        await peer.roundTrip();
        const errors = peer.all('error').length;
        peer.assert(
          errors === index + 1,
          `one error frame for ${JSON.stringify(more).slice(0, 60)}`,
          `${errors - index}`,
        );
      }
      peer.assert(peer.all('response').length === 0, 'no response to what is no request', peer.all('response'));
    },
  },
  {
    point: 'P5.2',
    title: 'gives one response to each request, in order, and reads other frames meanwhile',
    run: async (visit) => {
      const { peer } = await visit.enter();
      const method = visit.fresh('no-method');
      const thread = visit.fresh();
      const { server } = visit;
      const ids = [peer.request(method, 1), peer.request(server.method, visit.runData(thread))];
      ids.push(...Array.from({ length: 10 }, (_, data) => peer.request(method, data)));
      await peer.roundTrip();
      await peer.response(ids.at(-1) as string);
      await peer.roundTrip();
      const got = peer.all('response').map(({ id }) => id);
      peer.assert(String(got) === String(ids), 'one response to each, in order', got);
    },
  },
  {
    point: 'P5.3',
    title: 'says by code and retryable why a request was refused',
    run: async (visit) => {
      const { peer } = await visit.enter();
      const response = await peer.response(peer.request(visit.fresh('no-method'), null));
      const isSo = !response.ok && /^[A-Z][A-Z_]+$/.test(response.error.code) && !response.error.retryable;
      peer.assert(isSo, 'a refusal with a code, and not retryable', response);
      const stack = /\n\s+at |node_modules/.exec(JSON.stringify(response));
      peer.assert(stack === null, 'no stack', stack?.[0]);
    },
  },
  {
    point: 'P5.4',
    title: 'answers a run when it is in the log, and before any of its events',
    run: async (visit) => {
      const thread = visit.fresh();
      const { peer } = await visit.enter({ subscribe: [thread] });
      const { run } = await visit.run(peer, thread);
      const first = peer.frames.findIndex(({ type }) => type === 'response');
      const events = indexOfEvents(peer, run);
      peer.assert(events === -1 || events > first, 'the response before the events of its run', 'events first');
      await isOnce(visit, peer, thread);
    },
  },
  {
    point: 'P5.5',
    title: 'executes a repeated request once, and gives the same response, also on a later connection',
    run: async (visit) => {
      const { peer, welcome } = await visit.enter();
      const thread = visit.fresh();
      const { method } = visit.server;
      const id = peer.request(method, visit.runData(thread));
      peer.request(method, visit.runData(thread), id);
      const [first, second] = [await peer.response(id), await peer.response(id, 2)];
      peer.assert(first.ok && isSame(first, second), 'the same response twice', [first, second]);
      await isOnce(visit, peer, thread);
      peer.cut();
      const later = await visit.enter({ session: welcome.session });
      later.peer.request(method, visit.runData(thread), id);
      const third = await later.peer.response(id);
      later.peer.assert(isSame(first, third), 'the same response on a later connection', [first, third]);
      await isOnce(visit, later.peer, thread);
    },
  },
  {
    point: 'P5.6',
    title: 'refuses an id that stands for another method or other data',
    run: async (visit) => {
      const { peer } = await visit.enter();
      const { method } = visit.server;
      const thread = visit.fresh();
      const id = peer.request(method, visit.runData(thread));
      await peer.response(id);
      peer.request(method, visit.runData(visit.fresh()), id);
      await isMismatch(peer, id, 2);
      peer.request(visit.fresh('no-method'), visit.runData(thread), id);
      await isMismatch(peer, id, 3);
      await isOnce(visit, peer, thread);
    },
  },
];

/** The index of the first frame with events of a run; -1 when there is none yet. */
function indexOfEvents(peer: Peer, run: string): number {
  return peer.frames.findIndex((frame) => frame.type === 'events' && frame.events.some((event) => event.run === run));
}
