import { describe, expect, it } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import fc from 'fast-check';
import { type Append, AppendQueue, entriesOf, joinedJson } from '../src/storage.ts';
import { JsonTape } from '../src/log/json-tape.ts';
import { addEntries, joinedSize, joinInto, type Part } from '../src/log/joined-json.ts';

const texts = fc.array(fc.string({ unit: fc.constantFrom('a', '"', ',', ']', 'é', '→', '💡') }), { minLength: 1 });

function joined(parts: readonly Part[]): Buffer {
  const bytes = Buffer.alloc(joinedSize(parts));
  expect(joinInto(bytes, 0, parts)).toBe(bytes.length);
  return bytes;
}

describe('arrays of JSON', () => {
  it('become one array, whatever stands in them', () => {
    fc.assert(
      fc.property(fc.array(texts, { minLength: 1 }), (arrays) => {
        const bytes = joinedJson(arrays.map((array) => Buffer.from(JSON.stringify(array))));
        expect(JSON.parse(bytes.toString())).toEqual(arrays.flat());
      }),
    );
  });

  it('that are written on a tape stay what they are, and those that lie behind each other are one part', () => {
    const sizes = fc.array(
      fc.oneof(
        texts,
        fc.integer({ min: 500, max: 80_000 }).map((n) => ['x'.repeat(n)]),
      ),
      {
        minLength: 1,
        maxLength: 60,
      },
    );
    fc.assert(
      fc.property(sizes, fc.nat(), (arrays, other) => {
        const tape = new JsonTape();
        const [parts, others]: [Part[], Part[]] = [[], []];
        const sources = new Set<Buffer>();
        for (const [at, array] of arrays.entries()) {
          const json = JSON.stringify(array);
          tape.write(json, Buffer.byteLength(json));
          addEntries(parts, tape);
          sources.add(tape.source);
          if (at % 7 === other % 7) addEntries(others, tape);
        }
        expect(parts).toHaveLength(sources.size);
        expect(JSON.parse(joined(parts).toString())).toEqual(arrays.flat());
        const some = arrays.filter((_, at) => at % 7 === other % 7);
        if (some.length > 0) expect(JSON.parse(joined(others).toString())).toEqual(some.flat());
      }),
    );
  });
});

describe('the queue', () => {
  const event = (n: number, delta = '…'): AgentEvent => ({
    id: `r:${n}`,
    event: 'agent_output',
    run: 'r',
    n,
    agent: 'a',
    at: 0,
    data: { delta },
  });

  it('gives what is due with what waits behind it for the same streams, each stream in its order, and all in the end', () => {
    const appends = fc.array(
      fc.record({
        stream: fc.constantFrom('a', 'b', 'c', 'd'),
        isGathered: fc.boolean(),
        characters: fc.constantFrom(1, 1, 1, 1_500_000),
      }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(appends, fc.array(fc.nat({ max: 35 }), { maxLength: 5 }), (all, turns) => {
        const queue = new AppendQueue({}, () => {});
        for (const [n, { stream, isGathered, characters }] of all.entries()) {
          const events = [event(n, 'x'.repeat(characters))];
          const gathered = () => ({ json: Buffer.from(JSON.stringify(events)), count: 1 });
          void queue.append(stream, isGathered ? gathered : events, undefined);
        }
        const seen: number[] = [];
        for (const upTo of [...turns.sort((a, b) => a - b), undefined])
          while (queue.oldest <= (upTo ?? Number.MAX_SAFE_INTEGER)) {
            const taken = queue.take(upTo);
            expect(taken.length).toBeGreaterThan(0);
            const due = new Set(taken.filter(({ number }) => number <= (upTo ?? 99)).map(({ stream }) => stream));
            for (const { stream } of taken) expect(due).toContain(stream);
            seen.push(...taken.map(({ number }) => number));
            queue.settled(taken);
          }
        expect([...seen].sort((a, b) => a - b)).toEqual(all.map((_, i) => i + 1));
        for (const stream of ['a', 'b', 'c', 'd']) {
          const own = seen.filter((number) => all[number - 1]?.stream === stream);
          expect(own).toEqual([...own].sort((a, b) => a - b));
        }
        expect([queue.isEmpty, queue.bytes, queue.isGathering]).toEqual([true, 0, false]);
      }),
    );
  });

  it('has one part for what is appended one event at a time, and others only where bytes of somebody else are between', () => {
    const queue = new AppendQueue({}, () => {});
    for (let n = 1; n <= 20; n += 1) void queue.append('s', [event(n)], undefined);
    void queue.append('s', [], undefined);
    void queue.append('s', () => ({ json: Buffer.from(JSON.stringify([event(21), event(22)])), count: 2 }), undefined);
    void queue.append('s', [event(23)], undefined);
    const taken = queue.take() as readonly Append[];
    // What comes while these are written changes nothing of them.
    for (let n = 24; n < 90; n += 1) void queue.append('s', [event(n)], undefined);
    const parts: Part[] = [];
    for (const append of taken) if (append.count > 0) addEntries(parts, append);
    const events = JSON.parse(joined(parts).toString()) as AgentEvent[];
    expect(events.map(({ n }) => n)).toEqual(Array.from({ length: 23 }, (_, i) => i + 1));
    expect(parts.length).toBeLessThanOrEqual(5);
    expect(taken.map(({ count }) => count).slice(-4)).toEqual([1, 0, 2, 1]);
  });

  it('counts bytes and not characters', () => {
    const queue = new AppendQueue({ maxAppendBytes: 600 }, () => {});
    return expect(queue.append('s', [event(1, '→'.repeat(200))], undefined)).rejects.toMatchObject({
      code: 'APPEND_TOO_LARGE',
    });
  });

  it('gives what an array holds', () => {
    expect(entriesOf(Buffer.from('[1,2]'))).toMatchObject({ from: 1, to: 4 });
  });
});
