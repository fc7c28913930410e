import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AgentEvent } from '@muster/contracts';
import { type Batch, MemoryLog, systemRandom } from '@muster/core';

const event = (n: number): AgentEvent => ({
  id: `r:${n}`,
  event: 'agent_output',
  run: 'r',
  n,
  agent: 'a',
  at: 0,
  data: { delta: `${n}` },
});
const numbers = (batch: Batch): number[] => batch.events.map(({ n }) => n);
const logOf = (keepPerStream = 10_000, failed: unknown[] = []) =>
  new MemoryLog(systemRandom, (error) => failed.push(error), { keepPerStream });

describe('MemoryLog', () => {
  it('gives contiguous offsets from 1 and reads what it appended', async () => {
    const log = logOf();
    expect(await log.append('s', [event(1), event(2)])).toMatchObject({ ok: true, top: 2 });
    expect(await log.append('s', [event(3)])).toMatchObject({ ok: true, top: 3 });
    expect(await log.read('s', { after: 1, limit: 1 })).toMatchObject({ offset: 2, events: [{ n: 2 }] });
    expect(numbers(await log.read('s', { after: 3, limit: 9 }))).toEqual([]);
  });

  it('refuses an append on another top than expected, and writes nothing of it', async () => {
    const log = logOf();
    await log.append('s', [event(1)]);
    expect(await log.append('s', [event(2)], { expectedTop: 0 })).toEqual({ ok: false, why: 'conflict', top: 1 });
    expect(await log.append('s', [event(2)], { expectedTop: 1 })).toMatchObject({ ok: true, top: 2 });
    expect(numbers(await log.read('s', { after: 0, limit: 9 }))).toEqual([1, 2]);
  });

  it('keeps offsets when it forgets old entries, and says how far back one can read', async () => {
    const log = logOf(10);
    for (let n = 1; n <= 55; n += 1) await log.append('s', [event(n)]);
    const { floor, top } = await log.info('s');
    expect(top).toBe(55);
    expect(top - floor).toBeGreaterThanOrEqual(10);
    expect(top - floor).toBeLessThanOrEqual(20);
    const batch = await log.read('s', { after: 0, limit: 100 });
    expect(batch.offset).toBe(floor + 1);
    expect(numbers(batch)).toEqual(Array.from({ length: top - floor }, (_, i) => floor + 1 + i));
    await expect(
      log.append(
        's',
        Array.from({ length: 11 }, (_, i) => event(i)),
      ),
    ).rejects.toMatchObject({ code: 'STREAM_FULL' });
  });

  it('reads as a plain list would, for any appends and reads', async () => {
    const steps = fc.array(
      fc.oneof(fc.record({ append: fc.nat(5) }), fc.record({ after: fc.nat(40), limit: fc.nat(10) })),
      { maxLength: 30 },
    );
    await fc.assert(
      fc.asyncProperty(steps, async (all) => {
        const log = logOf();
        const model: number[] = [];
        for (const step of all) {
          if ('append' in step) {
            const added = Array.from({ length: step.append }, (_, i) => model.length + i + 1);
            await log.append('s', added.map(event));
            model.push(...added);
          } else {
            expect(numbers(await log.read('s', step))).toEqual(model.slice(step.after, step.after + step.limit));
          }
        }
      }),
    );
  });

  it('tells subscribers of every later batch, also when one of them throws', async () => {
    const failed: unknown[] = [];
    const log = logOf(100, failed);
    await log.append('s', [event(1)]);
    const seen: [number, number[]][] = [];
    log.subscribe('s', () => {
      throw new Error('broken');
    });
    const subscription = log.subscribe('s', (batch) => seen.push([batch.offset, numbers(batch)]));
    expect(await log.append('s', [event(2), event(3)])).toMatchObject({ ok: true });
    subscription.close();
    await log.append('s', [event(4)]);
    expect(seen).toEqual([[2, [2, 3]]]);
    expect(failed).toHaveLength(2);
  });

  it('begins anew under another epoch after a drop', async () => {
    const log = logOf();
    await log.append('s', [event(1)]);
    const before = await log.info('s');
    await log.drop('s');
    const after = await log.info('s');
    expect(after).toMatchObject({ floor: 0, top: 0 });
    expect(after.epoch).not.toBe(before.epoch);
    expect(await log.append('s', [event(1)])).toMatchObject({ epoch: after.epoch, top: 1 });
  });

  it('keeps one epoch for a stream that was read before it was written', async () => {
    const log = logOf();
    const { epoch } = await log.info('s');
    const subscription = log.subscribe('s', () => {});
    subscription.close();
    expect(await log.append('s', [event(1)])).toMatchObject({ epoch, top: 1 });
  });
});
