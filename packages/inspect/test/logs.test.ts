/** Events as lines of a log: through a real pino, and as text; floods are told of and hide nothing. */
import { describe, expect, it } from '@jest/globals';
import type { RuntimeEvent } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { lineReporter, type LogOptions, pinoReporter } from '@muster/inspect';
import { pino } from 'pino';

const HARM = 'a\u001b[31m\u202e\nINFO  all is well';

/** Lines of a real pino, read back. */
function throughPino(events: readonly RuntimeEvent[], options: LogOptions = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'debug' }, { write: (text: string) => void lines.push(JSON.parse(text) as never) });
  const report = pinoReporter(logger, options);
  for (const event of events) report(event);
  return lines;
}

function asText(events: readonly RuntimeEvent[], options: LogOptions = {}): string[] {
  let output = '';
  const report = lineReporter({ write: (text) => (output += text) }, options);
  for (const event of events) report(event);
  return output.split('\n').slice(0, -1);
}

const told = (n: number, code = 'RATE_LIMITED'): RuntimeEvent => ({
  type: 'client-error',
  connection: `c${n}`,
  code,
  correlation: `x${n}`,
  at: n,
});
const fault = (component: string, error: unknown, about: { run?: string; connection?: string } = {}): RuntimeEvent => ({
  type: 'fault',
  component,
  correlation: about.run ?? null,
  ...about,
  error,
  at: 0,
});

describe('lines', () => {
  it('have connection, run and correlation, whether they are about one or not', () => {
    const ended = {
      type: 'run-ended',
      run: 'r',
      connection: 'c',
      agent: 'guide',
      status: 'success',
      by: 'agent',
      code: null,
    } as const;
    const lines = throughPino([
      told(1),
      { ...ended, events: 5, offset: 5, durationMs: 12, appendMs: 1, at: 0 },
      fault('agent', new Error('no'), { run: 'r' }),
      fault('method echo', new Error('no'), { connection: 'c' }),
      { type: 'listening', address: 'http://127.0.0.1:3000', at: 0 },
    ]);
    expect(
      lines.map(({ level, connection, run, correlation, event }) => [level, connection, run, correlation, event]),
    ).toEqual([
      [40, 'c1', null, 'x1', 'client-error'],
      [30, 'c', 'r', null, 'run-ended'],
      [50, null, 'r', 'r', 'fault'],
      [50, 'c', null, null, 'fault'],
      [30, null, null, null, 'listening'],
    ]);
    expect(lines[1]).toMatchObject({
      msg: 'A run of guide ended: success',
      status: 'success',
      events: 5,
      durationMs: 12,
    });
    expect(lines[4]).toMatchObject({ msg: 'Listening on http://127.0.0.1:3000', address: 'http://127.0.0.1:3000' });
  });

  it('have the whole error with its causes, and no secret of it', () => {
    const error = new Error('the upper', { cause: new Error('postgres://ann:correct-horse@db is gone') });
    const [line] = throughPino([fault('thread service', error)]);
    expect(line?.['error']).toMatch(/the upper[^]*Caused by: [^]*postgres:\/\/ann:\[redacted\]@db is gone/);
  });

  it('are one line each, in which nothing moves a cursor or turns text around', () => {
    const events: RuntimeEvent[] = [
      { type: 'stop-started', reason: HARM, at: 0 },
      { type: 'progress', service: HARM, text: HARM, at: 0 },
      { type: 'health-changed', service: 'Database', from: 'healthy', to: 'unhealthy', reason: HARM, at: 0 },
      fault(HARM, new Error(HARM)),
      { type: 'moved', machine: 'gate', subject: HARM, from: 'open', event: 'unready', to: 'closed', at: 0 },
    ];
    const lines = asText(events, { level: 'debug' });
    expect(lines).toHaveLength(events.length);
    for (const line of lines) expect(line).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    for (const line of throughPino(events, { level: 'debug' }))
      for (const value of Object.values(line))
        expect(String(value).replaceAll('\n    at ', ' ')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    expect(lines[0]).toMatch(/^1970-01-01T00:00:00\.000Z INFO {2}Stopping: /);
  });

  it('are those of the level that is wanted and above', () => {
    const moved = {
      type: 'moved',
      machine: 'connection',
      subject: 'c',
      from: 'a',
      event: 'b',
      to: 'c',
      at: 0,
    } as const;
    expect(asText([moved])).toEqual([]);
    expect(asText([moved], { level: 'debug' })).toEqual([expect.stringContaining('connection="c"')]);
    expect(asText([{ type: 'listening', address: 'x', at: 0 }, told(1)], { level: 'warn' })).toHaveLength(1);
  });
});

describe('a flood', () => {
  it('passes as far as is allowed, is counted beyond, and hides nothing of another kind', async () => {
    const clock = new FakeClock();
    const events = Array.from({ length: 1_000 }, (_, n) => told(n));
    let output = '';
    const report = lineReporter({ write: (text) => (output += text) }, { clock, perSecond: 5 });
    for (const event of events) report(event);
    report(told(1, 'TOKEN_INVALID'));
    report(fault('log', new Error('no')));
    const lines = (): string[] => output.split('\n').slice(0, -1);
    expect(lines()).toHaveLength(7);
    await clock.advance(1_000);
    expect(lines()).toHaveLength(8);
    expect(lines()[7]).toContain('995 more lines of this kind: A client was told RATE_LIMITED');
    expect(lines()[7]).toContain('leftOut=995');
    report(told(1));
    expect(lines()).toHaveLength(9);
    await clock.advance(5_000);
    expect(lines()).toHaveLength(9);
  });
});
