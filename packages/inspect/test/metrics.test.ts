/** What happens in an app, as whoever asks the registry for its metrics finds it. */
import { expect, it } from '@jest/globals';
import { createApp, type InspectedApp, type RuntimeEvent, RuntimeEvents, type ServerView } from '@muster/core';
import { Registry } from 'prom-client';
import { Metrics } from '../src/metrics/metrics.ts';
import { backlogOf } from './pages.ts';

type Moved = Extract<RuntimeEvent, { type: 'moved' }>;

const moved = (machine: Moved['machine'], subject: string, from: string, to: string, at = 0): Moved => ({
  type: 'moved',
  machine,
  subject,
  from,
  event: 'x',
  to,
  at,
});
const connection = (id: string, ...states: readonly (readonly [to: string, at: number])[]): Moved[] =>
  states.map(([to, at], i) => moved('connection', id, states[i - 1]?.[0] ?? 'connecting', to, at));
const run = { run: 'r', agent: 'guide', connection: null, at: 0 };
const begun: RuntimeEvent = {
  ...run,
  type: 'run-begun',
  user: 'ann',
  thread: 't',
  stream: 's',
  offset: 1,
  parent: null,
  isResumed: false,
};
const ended: RuntimeEvent = {
  ...run,
  type: 'run-ended',
  status: 'success',
  by: 'agent',
  code: null,
  events: 5,
  offset: 5,
  durationMs: 2_000,
  appendMs: 1,
};

/** Metrics of an app that does nothing but what a test says. */
function watched(server?: ServerView) {
  const events = new RuntimeEvents();
  const registry = new Registry();
  const app = createApp({ services: [] });
  const inspected = { events, server, graph: () => app.graph() } as unknown as InspectedApp;
  return { events, registry, metrics: new Metrics(inspected, registry, backlogOf(events)) };
}

it.each<[string, RuntimeEvent[], string[]]>([
  [
    'a handshake that ends well',
    connection('a', ['accepted', 1_000], ['authenticating', 1_001], ['ready', 1_020]),
    [
      'muster_handshake_duration_seconds_count{outcome="ready"} 1',
      'muster_handshake_duration_seconds_sum{outcome="ready"} 0.02',
    ],
  ],
  [
    'one that is refused, and its end counts no more',
    connection('a', ['accepted', 1_000], ['closing', 1_005], ['closed', 1_006]),
    ['muster_handshake_duration_seconds_count{outcome="refused"} 1'],
  ],
  [
    'one whose client has gone',
    connection('a', ['accepted', 1_000], ['closed', 1_005]),
    ['muster_handshake_duration_seconds_count{outcome="gone"} 1'],
  ],
  [
    'a connection that was ready and goes, which is no handshake',
    connection('a', ['accepted', 1_000], ['ready', 1_001], ['closing', 9_000], ['closed', 9_001]),
    ['muster_handshake_duration_seconds_count{outcome="ready"} 1'],
  ],
  [
    'errors of clients',
    ['RATE_LIMITED', 'RATE_LIMITED', 'FRAME_INVALID'].map((code) => ({
      type: 'client-error',
      connection: 'a',
      code,
      correlation: 'c',
      at: 0,
    })),
    ['muster_client_errors_total{code="RATE_LIMITED"} 2', 'muster_client_errors_total{code="FRAME_INVALID"} 1'],
  ],
  [
    'faults, without the path at which somebody asked',
    [
      { type: 'fault', component: 'http /a', correlation: null, error: 1, at: 0 },
      { type: 'fault', component: 'inspector', correlation: null, error: 1, at: 0 },
    ],
    ['muster_faults_total{component="http handler"} 1', 'muster_faults_total{component="inspector"} 1'],
  ],
  ['a run that goes on', [begun], ['muster_runs 1', 'muster_run_events_total 0']],
  [
    'a run that has ended',
    [begun, ended],
    [
      'muster_runs 0',
      'muster_run_events_total 5',
      'muster_run_duration_seconds_bucket{le="1",agent="guide",status="success"} 0',
      'muster_run_duration_seconds_bucket{le="2.5",agent="guide",status="success"} 1',
    ],
  ],
  [
    'a call of a tool',
    [{ ...run, type: 'tool-ended', callId: 'c', tool: 'search', status: 'failure', durationMs: 300 } as RuntimeEvent],
    ['muster_tool_duration_seconds_sum{tool="search",status="failure"} 0.3'],
  ],
  [
    'attempts to start a service that fail',
    [{ type: 'attempt-failed', service: 'Db', attempt: 1, error: new Error() as never, retryInMs: 1, at: 0 }],
    ['muster_service_start_failures_total{service="Db"} 1'],
  ],
  ['a process that stood still', [{ type: 'lagged', lagMs: 5_000, at: 0 }], ['muster_process_standstills_total 1']],
  [
    'a gate that opens and closes',
    [
      moved('gate', 'main', 'opening', 'open'),
      { type: 'gate-closed', gate: 'main', causes: [], at: 0 } as unknown as RuntimeEvent,
      moved('gate', 'main', 'open', 'closed'),
    ],
    ['muster_gate_open{gate="main"} 0', 'muster_gate_closings_total{gate="main"} 1'],
  ],
])('%s', async (_, happened, lines) => {
  const { events, metrics, registry } = watched();
  for (const event of happened) events.emit(event);
  // Of each for itself, as a registry of the application's own gives them out.
  const names = [...new Set(lines.map((line) => line.replace(/(_bucket|_sum|_count)?[ {].*$/, '')))];
  const found = (await Promise.all(names.map((name) => registry.getSingleMetricAsString(name)))).join('\n').split('\n');
  expect(found).toEqual(expect.arrayContaining(lines));
  const counted = found.filter((line) => /_count\{/.test(line));
  if (names[0] === 'muster_handshake_duration_seconds') expect(counted).toHaveLength(1);
  metrics.close();
});

it.each<[string, string, (name: string) => RuntimeEvent]>([
  ['agents', 'muster_run_duration_seconds_count', (agent) => ({ ...ended, agent }) as RuntimeEvent],
  [
    'tools',
    'muster_tool_duration_seconds_count',
    (tool) => ({ ...run, type: 'tool-ended', callId: 'c', tool, status: 'ok', durationMs: 1 }),
  ],
  [
    'codes',
    'muster_client_errors_total',
    (code) => ({ type: 'client-error', connection: 'a', code, correlation: 'c', at: 0 }),
  ],
  [
    'components',
    'muster_faults_total',
    (component) => ({ type: 'fault', component, correlation: null, error: 1, at: 0 }),
  ],
])('however many %s there are, they have a hundred series and one for all others', async (_, series, eventOf) => {
  const { events, metrics } = watched();
  for (let n = 0; n < 150; n += 1) events.emit(eventOf(`name ${n}`));
  const lines = (await metrics.text()).split('\n').filter((line) => line.startsWith(`${series}{`));
  expect(lines).toHaveLength(101);
  expect(lines.at(-1)).toMatch(/="other".* 50$/);
  metrics.close();
});

it('of connections are those that there are, and what became of all events', async () => {
  const connections = [{ state: 'ready' }, { state: 'ready' }, { state: 'closing' }];
  const delivery = { appended: 9, acknowledged: 6, pending: 2, expired: 1 };
  const { metrics } = watched({ users: 1, connections, delivery } as unknown as ServerView);
  const states = async (): Promise<unknown> => (await metrics.text()).match(/(?<=^muster_connections\{).*$/gm);
  expect(await states()).toEqual(['state="ready"} 2', 'state="closing"} 1']);
  connections.splice(1);
  expect(await states()).toEqual(['state="ready"} 1']);
  const became = (await metrics.text()).match(/(?<=^muster_delivery_events\{outcome=).*$/gm);
  expect(became).toEqual(['"appended"} 9', '"acknowledged"} 6', '"pending"} 2', '"expired"} 1']);
  metrics.close();
});
