import { describe, expect, it } from '@jest/globals';
import { systemRandom } from '@muster/core';
import { LIMIT_DEFAULTS } from '../src/connection/limits.ts';
import { SessionRegistry } from '../src/session/session-registry.ts';

const HOUR_MS = LIMIT_DEFAULTS.sessionMs;

function registry() {
  const sessions = new SessionRegistry(LIMIT_DEFAULTS, systemRandom);
  const connection = { replaced: () => {} };
  const visit = (now: number, id?: string, asks = false): string => {
    const session = sessions.enter('ann', id, now);
    sessions.connect(session, connection);
    if (asks) {
      sessions.requestsOf('ann', now).take(1, now);
      session.answers.keep('1', { fingerprint: 'f', response: Promise.resolve('text'), followed: new Map() }, now);
    }
    sessions.leave(session, connection, now);
    return session.id;
  };
  /** Enters and goes before it is served. */
  const look = (id: string, now: number) => {
    const session = sessions.enter('ann', id, now);
    sessions.leave(session, connection, now);
    return session;
  };
  return { sessions, visit, look };
}

describe('sessions that are left', () => {
  it('are remembered for an hour where something was asked for, and not at all where nothing was', () => {
    const { sessions, visit, look } = registry();
    for (let now = 0; now < 100; now += 1) visit(now);
    expect(sessions.size).toBe(0);
    const id = visit(100, undefined, true);
    expect(look(id, 101).answers.size).toBe(1);
    expect(() => sessions.enter('bob', id, 101)).toThrow(expect.objectContaining({ code: 'SESSION_EXPIRED' }));
    expect(visit(HOUR_MS + 100)).not.toBe(id);
    expect(sessions.size).toBe(0);
    expect(look(id, HOUR_MS + 101).answers.size).toBe(0);
  });

  it('are forgotten one after the other, each when its time is over', () => {
    const { sessions, visit } = registry();
    for (let now = 0; now < 10; now += 1) visit(now * 1_000, undefined, true);
    const sizes = Array.from({ length: 11 }, (_, i) => {
      sessions.enter('eve', undefined, HOUR_MS + i * 1_000 - 1);
      return sessions.size;
    });
    expect(sizes).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
  });

  it('are the same for two connections that come with one id at the same time', () => {
    const { sessions } = registry();
    const id = systemRandom.uuid();
    expect(sessions.enter('ann', id, 0)).toBe(sessions.enter('ann', id, 0));
  });
});
