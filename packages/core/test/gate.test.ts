import { getEventListeners } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { Gate, type GateOptions } from '../src/lifecycle/gate.ts';
import { RuntimeEvents } from '../src/runtime-event.ts';

function gateOver(given: GateOptions = {}, open?: () => void) {
  const options = { dwellMs: 0, jitterMs: 0, ...given };
  const clock = new FakeClock();
  const state = { ready: false, confirmed: true };
  const guarded = {
    ready: () => state.ready,
    confirmed: () => state.confirmed,
    blockedBy: () => (state.ready ? [] : ['ThreadService']),
  };
  const gate = new Gate('main', guarded, { clock, random: systemRandom, events: new RuntimeEvents() }, options, open);
  const set = (ready: boolean): void => {
    state.ready = ready;
    gate.follow();
  };
  return { clock, gate, set, state };
}

/** Whether a promise has ended by now. */
async function hasEnded(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  return (await Promise.race([promise.catch(() => 'failed'), Promise.resolve(pending)])) !== pending;
}

describe('Gate', () => {
  it('holds who comes early and admits everybody the moment it opens, not before', async () => {
    const { clock, gate, set } = gateOver();
    const entering = [gate.enter(), gate.enter()];
    await clock.advance(9_999);
    expect(await hasEnded(Promise.race(entering))).toBe(false);
    set(true);
    const permits = await Promise.all(entering);
    expect(permits.map((permit) => permit.live)).toEqual([true, true]);
    expect(clock.pending).toBe(0);
  });

  it('names the root causes it still waits for when the hold is over', async () => {
    const { clock, gate } = gateOver({ holdMs: 200 });
    const entering = expect(gate.enter()).rejects.toMatchObject({
      code: 'GATE_CLOSED',
      details: { waitedMs: 200, waitingFor: ['ThreadService'] },
    });
    await clock.advance(200);
    await entering;
    expect(gate.heldCount).toBe(0);
  });

  it('refuses at once beyond its bound, and when told not to hold', async () => {
    const { gate, set } = gateOver({ maxHeld: 1 });
    const held = gate.enter();
    await expect(gate.enter()).rejects.toMatchObject({ code: 'GATE_FULL' });
    set(true);
    await held;
    await expect(gateOver({ holdMs: 0 }).gate.enter()).rejects.toMatchObject({ code: 'GATE_CLOSED' });
  });

  it('looks again after the wait: who was admitted while it closed again waits on', async () => {
    const { gate, set } = gateOver();
    const entering = gate.enter();
    set(true);
    set(false);
    expect(await hasEnded(entering)).toBe(false);
    set(true);
    expect((await entering).live).toBe(true);
  });

  it('kills the permits of an earlier opening', async () => {
    const { gate, set } = gateOver();
    set(true);
    const permit = await gate.enter();
    set(false);
    expect(permit.live).toBe(false);
    set(true);
    expect(permit.live).toBe(false);
    expect((await gate.enter()).live).toBe(true);
  });

  it('resolves what stands behind it in opening, and stays closed when that throws', () => {
    const states: string[] = [];
    const { gate, set } = gateOver({}, () => {
      states.push(gate.state);
      throw new Error('no such table');
    });
    set(true);
    expect(states).toEqual(['opening']);
    expect(gate.state).toBe('closed');
    expect(gate.failure).toMatchObject({ message: 'no such table' });
  });

  it('refuses everybody once it is stopped, also those who were waiting', async () => {
    const { gate } = gateOver();
    const entering = gate.enter();
    gate.stop();
    await expect(entering).rejects.toMatchObject({ code: 'GATE_STOPPED' });
    await expect(gate.enter()).rejects.toMatchObject({ code: 'GATE_STOPPED' });
  });

  it('lets go of who gave up waiting', async () => {
    const { clock, gate } = gateOver();
    const controller = new AbortController();
    const entering = gate.enter(controller.signal);
    controller.abort(new Error('gone'));
    await expect(entering).rejects.toThrow('gone');
    expect([gate.heldCount, clock.pending]).toEqual([0, 0]);
  });

  it('leaves no listener on the signal of who was admitted', async () => {
    const { gate, set } = gateOver();
    const { signal } = new AbortController();
    const entering = gate.enter(signal);
    set(true);
    await entering;
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
