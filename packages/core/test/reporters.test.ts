import { describe, expect, it } from '@jest/globals';
import {
  consoleReporter,
  createApp,
  jsonReporter,
  type Service,
  service,
  sleep,
  type StartContext,
} from '@muster/core';
import type { GraphDump } from '@muster/contracts';
import { FakeClock } from '@muster/core/testing';

@service()
class Database implements Service {
  async start(ctx: StartContext): Promise<void> {
    ctx.progress('connecting \u001b[31m');
    await sleep(ctx.clock, 300, ctx.signal);
  }
}

@service({ dependsOn: [Database] })
class ThreadService {
  constructor(_: Database) {}
}

/** Boots and stops the two services under a reporter; resolves to all that was written. */
async function written(isTTY: boolean, make = consoleReporter): Promise<string> {
  const clock = new FakeClock();
  let text = '';
  const app = createApp({ services: [ThreadService, Database], clock });
  app.events.on(make({ write: (chunk: string) => (text += chunk), isTTY }));
  const starting = app.start();
  await clock.advance(300);
  await starting;
  await app.stop('SIGINT');
  return text;
}

/** What a terminal shows after cursor movements: only the last drawing of the tree is left. */
function onScreen(text: string): string[] {
  const lines: string[] = [];
  for (const part of text.split(/(\u001b\[\d+A\u001b\[0J)/)) {
    const up = /^\u001b\[(\d+)A/.exec(part)?.[1];
    if (up === undefined) lines.push(...part.split('\n').slice(0, -1));
    else lines.splice(lines.length - Number(up));
  }
  return lines;
}

describe('the console reporter', () => {
  it('writes plain lines where there is no terminal, and no control character of a service', async () => {
    const text = await written(false);
    expect(text).not.toContain('\u001b');
    expect(text.split('\n')).toEqual([
      'Starting 2 services',
      '  ◐ Database: connecting \\u{1b}[31m',
      '  ● Database running',
      '  ● ThreadService running',
      'Gate open',
      'Ready in 300 ms',
      'Stopping: SIGINT',
      '  ○ ThreadService stopped',
      '  ○ Database stopped',
      'Stopped 2 services in reverse order in 0 ms',
      '',
    ]);
  });

  it('writes nothing of a failure that moves a cursor or looks like another line, but the lines of its stack', () => {
    let text = '';
    const report = consoleReporter({ write: (chunk: string) => (text += chunk) });
    const error = new Error('no \u001b[31m\u202e\nReady in 1 ms', { cause: new Error('\u0007') });
    report({ type: 'fault', component: 'tool \u001b]0;', correlation: 'r\n1', error, at: 0 });
    expect(text).toMatch(
      /^✘ tool \\u\{1b\}\]0; \[r\\u\{a\}1\]: Error: no \\u\{1b\}\[31m\\u\{202e\}\\u\{a\}Ready in 1 ms\n {4}at /,
    );
    // eslint-disable-next-line no-control-regex
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u202a-\u202e]/);
    expect(text.split('\n').filter((line) => line.startsWith('Ready'))).toEqual([]);
  });

  it('shows on a terminal what each service is doing and for how long, and what it waits for', async () => {
    const clock = new FakeClock();
    let text = '';
    @service()
    class Slow implements Service {
      async start(ctx: StartContext): Promise<void> {
        ctx.progress('connecting');
        await sleep(ctx.clock, 60_000, ctx.signal);
      }
    }
    @service({ dependsOn: [Slow] })
    class Orders {
      constructor(_: Slow) {}
    }
    @service()
    class Mail implements Service {
      async start(ctx: StartContext): Promise<void> {
        await sleep(ctx.clock, 60_000, ctx.signal);
      }
    }
    @service({ dependsOn: [Mail] })
    class Letters {
      constructor(_: Mail) {}
    }
    @service({ dependsOn: [Orders, Letters] })
    class Shop {
      constructor(
        readonly orders: Orders,
        readonly letters: Letters,
      ) {}
    }
    const app = createApp({ services: [Shop, Orders, Slow, Mail, Letters], clock });
    const graph = (): GraphDump => app.graph().toJSON();
    app.events.on(consoleReporter({ write: (chunk: string) => (text += chunk), isTTY: true }, { clock, graph }));
    const starting = app.start();
    starting.catch(() => {});
    await clock.advance(900);
    expect(onScreen(text)).toEqual([
      'Starting 5 services',
      '  · Shop        waiting',
      '  ├─ · Letters  waiting',
      '  │  └─ ◐ Mail  starting',
      '  └─ · Orders   waiting',
      '     └─ ◐ Slow  connecting',
    ]);
    // Nothing happens in the meantime but that time goes on.
    await clock.advance(3_100);
    expect(onScreen(text)).toEqual([
      'Starting 5 services',
      '  · Shop        waiting for Mail, Slow  4.00 s',
      '  ├─ · Letters  waiting for Mail  4.00 s',
      '  │  └─ ◐ Mail  starting  4.00 s',
      '  └─ · Orders   waiting for Slow  4.00 s',
      '     └─ ◐ Slow  connecting  4.00 s',
    ]);
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
    expect(clock.pending).toBe(0);
  });

  it('shows of more services than the window has lines how many are up, and who is not, until the boot is over', async () => {
    const clock = new FakeClock();
    let text = '';
    const services = Array.from({ length: 30 }, (_, i) => {
      class Some implements Service {
        async start(ctx: StartContext): Promise<void> {
          ctx.progress('x'.repeat(200));
          await sleep(ctx.clock, i < 10 ? 100 : 1_000, ctx.signal);
        }
      }
      Object.defineProperty(Some, 'name', { value: `Service${String(i).padStart(2, '0')}` });
      return service()(Some) ?? Some;
    });
    const app = createApp({ services, clock });
    const rows = 12;
    const columns = 40;
    app.events.on(consoleReporter({ write: (chunk: string) => (text += chunk), isTTY: true, rows, columns }));
    const starting = app.start();
    await clock.advance(500);
    const [, summary, ...others] = onScreen(text);
    expect(summary).toBe('  ● 10 of 30 are up');
    expect(others).toHaveLength(rows - 2 - 1);
    expect(others[0]).toMatch(/^ {2}◐ Service10 {2}x+…$/);
    expect(others.at(-1)).toBe('  … and 12 more');
    // Never more than can be erased, and no line that is two.
    for (const [, up] of text.matchAll(/\u001b\[(\d+)A/g)) expect(Number(up)).toBeLessThan(rows);
    for (const line of onScreen(text)) expect(line.length).toBeLessThanOrEqual(columns);
    await clock.advance(1_000);
    await starting;
    expect(onScreen(text).filter((line) => line.includes('● Service'))).toHaveLength(30);
    await app.stop();
  });

  it('leaves the finished tree on a terminal, with what was said below it', async () => {
    const lines = onScreen(await written(true));
    expect(lines.slice(0, 5)).toEqual([
      'Starting 2 services',
      '  ● Database       running  300 ms',
      '  ● ThreadService  running  0 ms',
      'Gate open',
      'Ready in 300 ms',
    ]);
  });
});

describe('the JSON reporter', () => {
  it('writes each event as one line', async () => {
    const events = (await written(false, jsonReporter))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(events[0]).toMatchObject({ type: 'boot-started', services: ['Database', 'ThreadService'] });
    expect(events.at(-1)).toMatchObject({ type: 'stop-completed', order: ['ThreadService', 'Database'], hung: [] });
  });
});
