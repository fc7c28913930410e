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
    const app = createApp({ services: [Orders, Slow], clock });
    app.events.on(consoleReporter({ write: (chunk: string) => (text += chunk), isTTY: true }));
    const starting = app.start();
    starting.catch(() => {});
    await clock.advance(900);
    expect(onScreen(text)).toEqual(['Starting 2 services', '  ◐ Slow    connecting', '  · Orders  waiting']);
    await clock.advance(1_100);
    expect(onScreen(text)).toEqual([
      'Starting 2 services',
      '  ◐ Slow    connecting  2.00 s',
      '  · Orders  waiting for Slow  2.00 s',
    ]);
    const stopping = app.stop();
    await clock.advance(9_000);
    await stopping;
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
