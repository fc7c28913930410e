/** What a session keeps of its answers, and what a repeat gets once an answer is no longer kept. */
import { describe, expect, it } from '@jest/globals';
import { Answers } from '../src/session/answers.ts';
import { RawClient, serve } from './harness.ts';

const MIB = 2 ** 20;
const HOUR_MS = 3_600_000;

/** Keeps an answer that is known already. */
async function kept(answers: Answers, id: string, text: string, now = 0): Promise<void> {
  const response = Promise.resolve(text);
  answers.keep(id, { fingerprint: 'f', response, followed: new Map() }, now);
  await response;
}

const there = (answers: Answers, ids: readonly string[]): string[] =>
  ids.filter((id) => answers.find(id, 'f') !== undefined);

describe('the answers of a session', () => {
  it('are so many, and the oldest go first', async () => {
    const answers = new Answers(3, HOUR_MS);
    const ids = ['a', 'b', 'c', 'd', 'e'];
    for (const id of ids) await kept(answers, id, id);
    expect(there(answers, ids)).toEqual(['c', 'd', 'e']);
    expect(answers.size).toBe(3);
  });

  it('have so much text together, of which what was forgotten is no part any more', async () => {
    const answers = new Answers(1_000, HOUR_MS);
    const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const id of ids.slice(0, 4)) await kept(answers, id, 'x'.repeat(MIB));
    expect(answers.size).toBe(4);
    answers.forget('b');
    await kept(answers, 'e', 'x'.repeat(MIB));
    expect(there(answers, ids)).toEqual(['a', 'c', 'd', 'e']);
    // That made 4 MiB again; one character more is too much when the next one comes.
    await kept(answers, 'f', 'x');
    await kept(answers, 'g', '');
    expect(there(answers, [...ids, 'g'])).toEqual(['c', 'd', 'e', 'f', 'g']);
  });

  it('are kept for so long', async () => {
    const answers = new Answers(1_000, HOUR_MS);
    await kept(answers, 'a', 'a', 0);
    await kept(answers, 'b', 'b', 1);
    await kept(answers, 'c', 'c', HOUR_MS - 1);
    expect(there(answers, ['a', 'b', 'c'])).toEqual(['a', 'b', 'c']);
    await kept(answers, 'd', 'd', HOUR_MS);
    expect(there(answers, ['a', 'b', 'c', 'd'])).toEqual(['b', 'c', 'd']);
  });
});

describe('a request with the id of another', () => {
  it('is another one also when only its method differs, and neither is executed for the other', async () => {
    const called: string[] = [];
    const method = (name: string) => (data: unknown) => void called.push(`${name} ${String(data)}`);
    await using server = await serve(() => ({ methods: { pay: method('pay'), refund: method('refund') } }));
    const client = await RawClient.welcomed(server.url);
    const id = client.request('pay', 7);
    expect(await client.next('response')).toMatchObject({ id, ok: true });
    client.request('refund', 7, id);
    expect(await client.next('response')).toMatchObject({ id, ok: false, error: { code: 'IDEMPOTENCY_MISMATCH' } });
    client.request('pay', 7, id);
    expect(await client.next('response')).toMatchObject({ id, ok: true });
    expect(called).toEqual(['pay 7']);
    await client.close();
  });

  it('whose answer is no longer kept is executed as a new one', async () => {
    let executed = 0;
    await using server = await serve(() => ({ methods: { count: () => (executed += 1) } }), {
      server: { limits: { answersPerSession: 2 } },
    });
    const client = await RawClient.welcomed(server.url);
    const ids = [1, 2, 3].map(() => client.request('count'));
    for (const id of ids) expect(await client.next('response')).toMatchObject({ id });
    client.request('count', undefined, ids[1]);
    expect(await client.next('response')).toMatchObject({ data: 2 });
    client.request('count', undefined, ids[0]);
    expect(await client.next('response')).toMatchObject({ data: 4 });
    await client.close();
  });
});
