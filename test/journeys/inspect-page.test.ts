/** The page of real inspectors in a real browser: an app with runs and a dependency that is lost, and one of a thousand services. */
import { expect, it, jest } from '@jest/globals';
import { agent, type Agent, type AgentContext, defineTool, type RunInput } from '@muster/agents';
import { type CheckContext, type Class, createApp, type Health, healthy, service, unhealthy } from '@muster/core';
import { inspector } from '@muster/inspect';
import type { Page } from 'playwright-core';
import * as v from 'valibot';
import { complaintsOf, newPage, withBrowser } from '../fixtures/browser.ts';
import { openPage } from './chat-page.ts';
import { wholeApp } from './whole-app.ts';

jest.setTimeout(90_000);

const HARM = '<img src=x onerror="document.title=1"><script>document.title=2</script>\u001b[31m\u202eevil';

const search = defineTool({
  name: 'search',
  description: 'Finds what would do harm if it were more than text.',
  input: v.string(),
  run: () => ({ found: HARM }),
});

@agent({ name: 'helper', description: 'Searches' })
class Helper implements Agent {
  async run({ text }: RunInput, context: AgentContext) {
    await context.tool(search, text);
    return { finalResponse: text };
  }
}

let verdict: Health = healthy;

@service({ health: { everyMs: 1_000, failures: 1 } })
class Database {
  check(_: CheckContext): Health {
    return verdict;
  }
}

withBrowser('the page of an inspector', () => {
  async function open(url: string, hash = ''): Promise<{ page: Page; complaints: string[] }> {
    const page = await newPage({ viewport: { width: 1280, height: 800 } });
    const complaints = complaintsOf(page);
    await page.goto(`${url}/${hash}`);
    await page.waitForSelector('.figure');
    return { page, complaints };
  }

  it('shows a gate that closes and opens, a run with its socket, and harmful results as text', async () => {
    verdict = healthy;
    const inspect = inspector({ port: 0, payloads: true });
    await using app = await wholeApp({ services: [Helper, Database], app: { inspect, gate: { dwellMs: 50 } } });
    const { page, complaints } = await open(await inspect.begin());
    verdict = unhealthy(`the disk is full ${HARM}`);
    await page.waitForFunction(() => document.querySelector('.banner')?.textContent?.includes('the disk is full'));
    expect(await page.textContent('.node.root')).toContain('Database');
    verdict = healthy;
    await page.waitForFunction(() => document.querySelector('.banner') === null);
    const client = await app.client('ann');
    const run = client.run({ text: HARM, agent: 'helper' });
    const { run: id } = await run.accepted;
    await run.result;
    await page.goto(`${await inspect.begin()}/#/runs/${id}`);
    await page.waitForFunction(() =>
      /agent_completed[^]*acked/.test(document.querySelector('main')?.textContent ?? ''),
    );
    const text = (await page.textContent('main')) ?? '';
    expect(text).toContain('<img src=x onerror=');
    expect(text).not.toMatch(/[\u001b\u202e]/);
    expect(await page.locator('main img, main script').count()).toBe(0);
    expect(await page.title()).not.toMatch(/^[12]$/);
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('shows the flagship: what it is made of, its open gate, its boot, and a run with the socket of its page', async () => {
    await using chat = await openPage('Ann');
    const url = await chat.server.said(/seen from inside at (http:\S+)/);
    const page = await newPage({ viewport: { width: 1280, height: 800 } });
    const complaints = complaintsOf(page);
    await page.goto(url);
    for (const name of ['DocsIndex', 'AgentSupervisor', 'LmdbStorage', 'ChatSocket'])
      await page.waitForSelector(`.node:has-text("${name}")`);
    await page.goto(`${url}/#/timeline`);
    await page.waitForSelector('.gate-mark');
    expect(await page.locator('.lane:has-text("Database")').count()).toBeGreaterThan(0);
    expect(await page.locator('.slack').count()).toBeGreaterThan(0);
    await chat.page.fill('#question', 'What does the gate do?');
    await chat.page.click('#ask button');
    await chat.page.waitForSelector('.end');
    await page.goto(`${url}/#/runs`);
    await page.click('tbody tr a');
    await page.waitForFunction(() =>
      /success[^]*search_docs[^]*agent_output[^]*acked/.test(document.querySelector('main')?.textContent ?? ''),
    );
    // What is out of sight is not drawn.
    await page.mouse.wheel(0, 100_000);
    await page.waitForFunction(() =>
      /agent_completed[^]*acked/.test(document.querySelector('main')?.textContent ?? ''),
    );
    // Nobody has asked for the texts of users.
    expect(await page.textContent('main')).not.toContain('What does the gate do?');
    expect(complaints).toEqual([]);
    await page.close();
  });

  it('that asks for a token says so, and shows the app to a browser that has shown it once', async () => {
    const token = 'a token of some length';
    const inspect = inspector({ port: 0, token });
    const app = createApp({ services: [Database], inspect });
    await app.start();
    const url = await inspect.begin();
    const page = await newPage();
    await page.goto(url);
    await page.waitForSelector('.banner:has-text("asks for its token")');
    expect(await page.textContent('body')).not.toContain('Database');
    await page.goto(`${url}/?token=${encodeURIComponent(token)}`);
    await page.waitForSelector('.node:has-text("Database")');
    expect(page.url()).not.toContain('token');
    await page.close();
    await app.stop();
  });

  it('tells of services of a thousand that come and go', async () => {
    const services: Class[] = [];
    const verdicts = new Map<string, Health>();
    for (let i = 0; i < 1_000; i += 1) {
      const name = `Service${i}`;
      class One {
        check(): Health {
          return verdicts.get(name) ?? healthy;
        }
      }
      Object.defineProperty(One, 'name', { value: name });
      const needs = i < 20 ? [] : [services[(i * 7) % Math.min(i, 400)], services[(i * 13) % Math.min(i, 300)]];
      service({ dependsOn: [...new Set(needs)], health: { everyMs: 1_000, failures: 1 } } as never)(One as never);
      services.push(One);
    }
    const inspect = inspector({ port: 0 });
    const app = createApp({ services, inspect });
    await app.start();
    const { page, complaints } = await open(await inspect.begin());
    await page.waitForFunction(() => document.querySelectorAll('.node').length > 100);
    for (let round = 0; round < 2; round += 1) {
      for (let i = round; i < 1_000; i += 25) verdicts.set(`Service${i}`, unhealthy(`round ${round}`));
      await page.waitForFunction((at) => new RegExp(`round ${at}`).test(document.body.textContent ?? ''), round);
      verdicts.clear();
      await page.waitForFunction(() => document.querySelector('.banner') === null);
    }
    expect(complaints).toEqual([]);
    await page.close();
    await app.stop();
  });
});
