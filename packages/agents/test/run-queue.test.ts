import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { RunQueue, type Turn } from '../src/runs/run-queue.ts';

/** Enters runs under names and keeps the order in which their turns come. */
function queueOf(limits: { perUser?: number; total?: number }) {
  const queue = new RunQueue({ perUser: 2, total: 100, waitingPerUser: 1_000, ...limits });
  const order: string[] = [];
  const turns = new Map<string, Turn>();
  const enter = (user: string, name: string): number => {
    const turn = queue.enter(user);
    turns.set(name, turn);
    void turn.come.then(() => order.push(name));
    return turn.position;
  };
  const leave = (name: string): void => turns.get(name)?.leave();
  const settled = async (): Promise<string[]> => {
    await new Promise((resolve) => setImmediate(resolve));
    return order;
  };
  return { queue, enter, leave, settled };
}

describe('the queue of runs', () => {
  it('lets so many of a user run, and tells the others their place', async () => {
    const { queue, enter, leave, settled } = queueOf({});
    expect(['a', 'b', 'c', 'd'].map((name) => enter('ann', name))).toEqual([0, 0, 1, 2]);
    expect(await settled()).toEqual(['a', 'b']);
    expect([queue.running, queue.waiting, queue.waitingOf('ann'), queue.waitingOf('bob')]).toEqual([2, 2, 2, 0]);
    leave('b');
    leave('b');
    expect(await settled()).toEqual(['a', 'b', 'c']);
    leave('a');
    leave('c');
    leave('d');
    expect([queue.running, queue.waiting]).toEqual([0, 0]);
  });

  it('holds up nobody behind a user who has a thousand', async () => {
    const { enter, settled } = queueOf({});
    for (let i = 0; i < 1_000; i += 1) enter('ann', `ann ${i}`);
    expect(enter('bob', 'bob')).toBe(0);
    expect(await settled()).toEqual(['ann 0', 'ann 1', 'bob']);
  });

  it('serves users in turn where the room in all is what lacks', async () => {
    const { enter, leave, settled } = queueOf({ total: 1, perUser: 5 });
    for (const name of ['a1', 'a2', 'a3']) enter('ann', name);
    for (const name of ['b1', 'b2']) enter('bob', name);
    enter('eve', 'e1');
    for (const name of ['a1', 'a2', 'b1', 'e1', 'a3', 'b2']) {
      await settled();
      leave(name);
    }
    expect(await settled()).toEqual(['a1', 'a2', 'b1', 'e1', 'a3', 'b2']);
  });

  it('forgets one that leaves while it waits, and its turn never comes', async () => {
    const { enter, leave, settled } = queueOf({ perUser: 1 });
    for (const name of ['a', 'b', 'c']) enter('ann', name);
    leave('b');
    leave('a');
    expect(await settled()).toEqual(['a', 'c']);
  });

  it('never exceeds a limit, never lets a slot lie idle, and keeps the order within a user', async () => {
    const step = fc.record({ user: fc.constantFrom('ann', 'bob', 'eve'), enters: fc.boolean(), which: fc.nat() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80 }), fc.integer({ min: 1, max: 4 }), async (steps, total) => {
        const { queue, enter, leave, settled } = queueOf({ perUser: 2, total });
        const alive: string[] = [];
        const gone = new Set<string>();
        let made = 0;
        for (const { user, enters, which } of steps) {
          if (enters || alive.length === 0) {
            made += 1;
            const name = `${user} ${made}`;
            alive.push(name);
            enter(user, name);
          } else {
            const [name] = alive.splice(which % alive.length, 1) as [string];
            gone.add(name);
            leave(name);
          }
          const order = await settled();
          const running = order.filter((name) => !gone.has(name));
          expect(running).toHaveLength(queue.running);
          expect(running.length).toBeLessThanOrEqual(total);
          for (const each of ['ann', 'bob', 'eve']) {
            const of = (names: readonly string[]) => names.filter((name) => name.startsWith(each));
            expect(of(running).length).toBeLessThanOrEqual(2);
            const numbers = of(order).map((name) => Number(name.split(' ')[1]));
            expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
            const waits = of(alive).filter((name) => !running.includes(name)).length;
            expect(queue.waitingOf(each)).toBe(waits);
            if (running.length < total && waits > 0) expect(of(running)).toHaveLength(2);
          }
        }
      }),
    );
  });
});
