import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { bounded, createApp, type Service, service, sleep, type StartContext } from '@muster/core';
import { FakeClock } from '@muster/core/testing';

const onTimeout = (): Error => new Error('too slow');

describe('bounded work', () => {
  it('leaves no timer and no listener behind, however it ends', async () => {
    const clock = new FakeClock();
    const outer = new AbortController();
    const bound = { clock, timeoutMs: 100, onTimeout, signal: outer.signal };
    await bounded(bound, () => 1);
    await bounded(bound, () => Promise.reject(new Error('no'))).catch(() => {});
    const slow = expect(bounded(bound, () => new Promise(() => {}))).rejects.toThrow('too slow');
    await clock.advance(100);
    await slow;
    expect([clock.pending, getEventListeners(outer.signal, 'abort').length]).toEqual([0, 0]);
  });

  it('tells the work why it is given up, and the caller at once, though the work does not listen', async () => {
    const clock = new FakeClock();
    const outer = new AbortController();
    let inner: AbortSignal | undefined;
    const given = expect(
      bounded({ clock, timeoutMs: 100, onTimeout, signal: outer.signal }, (signal) => {
        inner = signal;
        return new Promise(() => {});
      }),
    ).rejects.toThrow('stop it');
    outer.abort(new Error('stop it'));
    await given;
    expect(inner?.reason).toBe(outer.signal.reason);
    expect(clock.pending).toBe(0);
  });

  it('says when work that was given up succeeds after all', async () => {
    const clock = new FakeClock();
    let late = 0;
    let finish!: () => void;
    const work = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const cut = bounded({ clock, timeoutMs: 10, onTimeout, onLate: () => (late += 1) }, () => work).catch(() => {});
    await clock.advance(10);
    await cut;
    expect(late).toBe(0);
    finish();
    await clock.settle();
    expect(late).toBe(1);
  });

  it('sleeps on its clock and wakes with the reason of an abort, leaving nothing behind', async () => {
    const clock = new FakeClock();
    const controller = new AbortController();
    const sleeping = expect(sleep(clock, 1_000, controller.signal)).rejects.toThrow('woken');
    controller.abort(new Error('woken'));
    await sleeping;
    const whole = sleep(clock, 1_000, new AbortController().signal);
    await clock.advance(1_000);
    await whole;
    expect(clock.pending).toBe(0);
  });
});

describe('an app', () => {
  it('leaves no timer behind after start and stop', async () => {
    const clock = new FakeClock();
    @service()
    class Slow implements Service {
      start = (ctx: StartContext) => sleep(ctx.clock, 50);
      check = () => ({ status: 'healthy' }) as const;
    }
    const app = createApp({ services: [Slow], clock });
    const starting = app.start();
    await clock.advance(50);
    await starting;
    await app.stop();
    expect(clock.pending).toBe(0);
  });
});
