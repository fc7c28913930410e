/** What a backend has to do: connections, runs and events on their way; the same every time. */
import type { Overview, RunLine } from '../../src/live/overview.ts';
import { seeded } from './specs.ts';

/** Connections, runs and delivery of a busy hour. */
export function withTraffic(overview: Overview, connections: number): Overview {
  const rnd = seeded(11);
  const states = ['ready', 'ready', 'ready', 'ready', 'ready', 'degraded', 'syncing', 'gated'];
  const latest = Array.from({ length: Math.min(200, connections) }, (_, at) => ({
    id: `c-${(connections - at).toString(36).padStart(5, '0')}`,
    state: states[Math.floor(rnd() * states.length)] as string,
    since: overview.at - Math.floor(rnd() * 3_600_000),
    user: rnd() < 0.03 ? null : `user-${Math.floor(rnd() * connections)}`,
    unacknowledged: rnd() < 0.7 ? 0 : Math.floor(rnd() * 40),
  }));
  const byState = {
    authenticating: Math.round(connections * 0.004),
    gated: Math.round(connections * 0.006),
    syncing: Math.round(connections * 0.02),
    degraded: Math.round(connections * 0.03),
    draining: 0,
  };
  const others = Object.values(byState).reduce((sum, each) => sum + each, 0);
  return {
    ...overview,
    connections: {
      total: connections,
      users: Math.round(connections * 0.82),
      byState: { ...byState, ready: connections - others },
      latest,
    },
    runs: Array.from({ length: 24 }, (_, at) => runLine(overview.at, at, rnd)),
    delivery: { appended: 1_204_318, acknowledged: 1_203_902, pending: 402, expired: 14 },
  };
}

function runLine(now: number, at: number, rnd: () => number): RunLine {
  const isLive = at < 4;
  const isBad = at === 6 || at === 15;
  const durationMs = 1_200 + Math.floor(rnd() * 9_000);
  return {
    run: `run-${String(1_042 - at)}`,
    agent: at % 3 === 2 ? 'SupportAgent' : 'HelpAgent',
    user: `user-${17 + at}`,
    thread: `thread-${300 + at}`,
    parent: at === 3 ? 'run-1040' : null,
    at: now - at * 21_000 - 2_400,
    state: isLive ? (at === 0 ? 'accepted' : 'running') : 'completed',
    status: isLive ? null : isBad ? 'failed' : 'success',
    code: isBad ? 'MODEL_TIMEOUT' : null,
    events: isLive ? at * 9 : 12 + Math.floor(rnd() * 60),
    durationMs: isLive ? null : durationMs,
    tools:
      at === 0
        ? []
        : [
            { callId: `t-${at}-1`, name: 'search_catalogue', status: 'ok', durationMs: 184 },
            {
              callId: `t-${at}-2`,
              name: 'read_order',
              status: isBad ? 'timeout' : 'ok',
              durationMs: isBad ? 5_000 : 62,
            },
          ],
  };
}
