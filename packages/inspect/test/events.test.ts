/** `muster events` at an inspector that says what a test has it say: all of it once, as text, until the run has ended. */
import { afterEach, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { events } from '../src/commands/events.ts';
import type { Request } from '../src/commands.ts';
import type { NewsLine, RunEventLine } from '../src/live/overview.ts';
import type { Terminal } from '../src/terminal.ts';

const HARM = 'a\u001b[2J\u202e\nb';
const VISIBLE = 'a\\u{1b}[2J\\u{202e}\\u{a}b';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const line = (n: number, more: Partial<RunEventLine> = {}): RunEventLine => ({
  n,
  event: 'agent_thinking',
  at: n,
  offset: n,
  bytes: 2,
  tool: null,
  callId: null,
  data: null,
  sockets: [],
  ...more,
});

/** What is printed where the inspector says this and then no more. */
async function shown(told: readonly (readonly [event: string, data: object])[], request: Partial<Request> = {}) {
  const asked: { url: string | undefined; headers: IncomingHttpHeaders }[] = [];
  const server = createServer(({ url, headers }, response) => {
    asked.push({ url, headers });
    response.end(told.map(([event, data]) => `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`).join(''));
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const printed: string[] = [];
  const terminal = { print: (text: string) => printed.push(text) } as unknown as Terminal;
  const code = await events({ args: [address], json: false, ...request } as Request, terminal);
  return { code, printed, asked };
}

it('ends with the run, whatever comes behind its end', async () => {
  const { code, printed, asked } = await shown(
    [
      ['events', { run: 'r/1', events: [line(1), line(2)], isOpen: false }],
      ['end', { run: 'r/1' }],
      ['events', { run: 'r/1', events: [line(3)], isOpen: false }],
    ],
    { run: 'r/1', token: 'a token for those who look' },
  );
  expect([code, printed.length]).toEqual([0, 2]);
  expect(asked).toMatchObject([
    { url: '/api/runs/r%2F1', headers: { authorization: 'Bearer a token for those who look' } },
  ]);
});

it('shows a line again where it is otherwise, and only there', async () => {
  const sent = { sockets: [{ connection: 'c'.repeat(20), sentAt: 1, ackedAt: null }] };
  const acked = { sockets: [{ connection: 'c'.repeat(20), sentAt: 1, ackedAt: 2 }] };
  const lines = [line(1), line(1), line(1, sent), line(1, acked), line(1, acked)];
  const { printed } = await shown(
    lines.map((each) => ['events', { run: 'r', events: [each], isOpen: true }]),
    { run: 'r' },
  );
  expect(printed).toEqual([
    expect.stringMatching(/^◐ {4}1 \+0 .* 2 bytes\n$/),
    expect.stringMatching(/^◐ .* → c{8}\n$/),
    expect.stringMatching(/^✔ .* → c{8} ✔\n$/),
  ]);
});

it('shows what is in a run as text', async () => {
  const told = line(1, { event: HARM, tool: HARM, data: HARM, sockets: [{ connection: HARM, sentAt: 1, ackedAt: 1 }] });
  const { printed } = await shown([['events', { run: 'r', events: [told], isOpen: true }]], { run: 'r' });
  expect(printed.join('').split(VISIBLE.slice(0, 8))).toHaveLength(5);
  expect(printed.join('').slice(0, -1)).not.toMatch(/[\p{Cc}\u202e]/u);
});

it('shows what has happened and what happens, as text', async () => {
  const news = (n: number): NewsLine[] => [{ n, at: 0, type: 'fault', text: HARM, isTrouble: n > 1 }];
  const { printed } = await shown([
    ['overview', { news: news(1) }],
    ['change', { at: 0 }],
    ['change', { news: news(2) }],
  ]);
  expect(printed).toEqual([
    expect.stringMatching(/^· \d\d:\d\d:\d\d fault /),
    expect.stringMatching(/^✘ \d\d:\d\d:\d\d fault /),
  ]);
  for (const each of printed) expect(each).toContain(VISIBLE);
});
