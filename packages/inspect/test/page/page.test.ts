/** The live page in a real browser, fed by a scripted instance under the strictest policy. */
import { expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { withBrowser } from '../../../../test/fixtures/browser.ts';
import type { RunEventLine } from '../../src/live/overview.ts';
import { running, shop, TWO, withLoss } from './moments.ts';
import { assets, openPage } from './open-page.ts';

jest.setTimeout(60_000);

const NASTY = '<img src=x onerror=alert(1)>\u202egnp\u001b[31m';
const failed = { id: 'Migrations', reason: 'relation "orders" already exists', hint: 'Repair the table.' };

withBrowser('the live page', () => {
  const figures = (page: Page): Promise<Record<string, string>> =>
    page.evaluate(() =>
      Object.fromEntries(
        [...document.querySelectorAll('.figure')].map((figure) => [
          figure.querySelector('dt')?.textContent ?? '',
          (figure.querySelector('dd')?.textContent ?? '').replaceAll(/\s+/g, ' ').trim(),
        ]),
      ),
    );

  it('shows a running backend at a glance', async () => {
    await using it = await openPage(running());
    expect(await figures(it.page)).toEqual({
      App: 'running',
      Gate: 'open',
      Services: '27 / 27 up',
      Connections: '312',
      'Live runs': '4',
      Boot: '1.40 s',
    });
    expect(await it.page.locator('.node').count()).toBe(30);
    expect(await it.page.locator('.banner').count()).toBe(0);
    expect(await it.page.locator('.node.critical').count()).toBeGreaterThan(4);
    expect(await it.page.textContent('.gate')).toBe('gate open');
    await it.page.check('text=Values');
    expect(await it.page.locator('.node').count()).toBe(32);
  });

  it('says of a boot that hangs what it waits for and for how long, and lets its bar grow', async () => {
    const hanging = shop(34_000).overview({ at: 34_000, hangs: { id: 'Postgres', progress: `connecting ${NASTY}` } });
    await using it = await openPage(hanging);
    const banner = (await it.page.textContent('.banner')) ?? '';
    expect(banner).toMatch(/Starting for 3\d s, waiting for/);
    expect(banner).toContain('Postgres');
    expect(banner).toContain('<img src=x onerror=alert(1)>\\u202egnp\\u001b[31m');
    expect(await it.page.locator('main img').count()).toBe(0);
    expect(await it.page.textContent('.node.root')).toContain('awaited');
    await it.page.click('text=Timeline');
    const width = () => it.page.locator('.lane:has-text("Postgres") .bar.open').evaluate((bar) => bar.clientWidth);
    const before = await width();
    await it.page.waitForFunction(
      (than) => (document.querySelector('.bar.starting.open')?.clientWidth ?? 0) > than,
      before,
    );
  });

  it('shows a lost dependency as the root cause, whom it holds up, and what to do', async () => {
    await using it = await openPage(running());
    const before = await it.page.locator('.node').first().getAttribute('style');
    it.server.show(withLoss());
    await it.page.waitForSelector('.node.root');
    expect(await it.page.textContent('.node.root')).toMatch(/root cause.*Nats.*unhealthy/);
    expect(await it.page.textContent('.banner')).toMatch(/Gate ShopSocket is closed.*Nats.*no answer to PING/s);
    expect(await it.page.getAttribute('.line.trouble', 'd')).toMatch(/^M/);
    // The picture has not moved.
    expect(await it.page.locator('.node').first().getAttribute('style')).toBe(before);
    expect(await it.page.textContent('[aria-live]')).toMatch(/Gate ShopSocket closed because of Nats/);
    await it.page.check('text=Hide the healthy');
    expect(await it.page.locator('.node:not(.pale)').count()).toBe(1);
    await it.page.click('.node.root');
    const panel = await it.page.textContent('.panel');
    expect(panel).toMatch(/It runs, and is unhealthy: no answer to PING/);
    expect(panel).toMatch(/→ See whether nats:4222 is reachable/);
    expect(panel).toMatch(/Needed by.*ThreadService/s);
    await it.open('#/gates');
    expect(await it.page.textContent('.card')).toMatch(
      /ShopSocket.*closed.*1 ×.*Nats.*no answer to PING.*See whether/s,
    );
    await it.open('#/news');
    await it.page.check('text=Trouble only');
    expect(await it.page.locator('.log li').count()).toBe(2);
  });

  it('says when what has failed is tried again, and counts down', async () => {
    const overview = running();
    await using it = await openPage({
      ...overview,
      graph: {
        ...overview.graph,
        nodes: overview.graph.nodes.map((node) => (node.id === 'Mail' ? { ...node, phase: 'backoff' } : node)),
      },
      lanes: overview.lanes.map((lane) =>
        lane.id === 'Mail' ? { ...lane, nextAttemptAt: overview.at + 20_000 } : lane,
      ),
    });
    await it.open('#/services/Mail');
    await it.page.waitForFunction(() =>
      /Tried again in1\d s/.test(document.querySelector('.detail')?.textContent ?? ''),
    );
  });

  it('sorts services by what somebody wants to know of them, and back', async () => {
    await using it = await openPage(running());
    await it.open('#/services');
    const starts = async (): Promise<number[]> =>
      (await it.page.locator('tbody tr:not(.spacer) td:nth-of-type(3)').allTextContents())
        .filter((text) => text !== '')
        .map((text) => Number.parseFloat(text) * (/\bms$/.test(text) ? 1 : 1_000));
    const ids = (): Promise<string[]> => it.page.locator('tbody th').allTextContents();
    const own = await ids();
    await it.page.click('button.sort:has-text("Start")');
    const slowest = await starts();
    expect(slowest.length).toBeGreaterThan(5);
    expect(slowest).toEqual([...slowest].sort((a, b) => b - a));
    expect(await it.page.getAttribute('th:has(button.sort:has-text("Start"))', 'aria-sort')).toBe('descending');
    await it.page.click('button.sort:has-text("Start")');
    // Only rows in sight are drawn, so these may be others.
    const fastest = await starts();
    expect(fastest).toEqual([...fastest].sort((a, b) => a - b));
    expect(fastest[0]).toBeLessThan(slowest[0] as number);
    await it.page.click('button.sort:has-text("Start")');
    expect(await ids()).toEqual(own);
    await it.page.click('button.sort:has-text("Service")');
    const named = await ids();
    expect(named).toEqual([...named].sort());
  });

  it('says why a boot has failed, and what was skipped because of it', async () => {
    await using it = await openPage(shop(9_000).overview({ at: 9_000, failed }), '#/services');
    expect(await it.page.textContent('.banner[role=alert]')).toMatch(/BOOT_FAILED.*Migrations.*→ Repair the table/s);
    expect(await it.page.title()).toBe('Services · Muster (failed)');
    expect(await it.page.textContent('tbody tr')).toMatch(/Migrations.*failed.*already exists/);
    await it.page.selectOption('select', 'busy');
    expect(await it.page.locator('tr:has-text("skipped")').count()).toBeGreaterThan(5);
    await it.page.click('th >> text=Migrations');
    expect(await it.page.textContent('.detail')).toMatch(/Attempts6/);
    await it.page.click('text=Show in the graph');
    await it.page.waitForSelector('.panel h3:has-text("Migrations")');
  });

  it('says that it is disconnected and since when, keeps what it shows, and replaces it when it is back', async () => {
    const here = await openPage(running());
    here.server.show({ ...running(), payloads: false });
    here.server.cut();
    // In one look: it is connected again soon.
    const seen = await here.page.waitForFunction(() => {
      const lost = document.querySelector('.link.lost');
      const nodes = document.querySelectorAll('main.stale .node').length;
      return lost === null || nodes === 0 ? null : { text: lost.textContent, nodes };
    });
    expect(await seen.jsonValue()).toEqual({
      text: expect.stringMatching(/Disconnected since \d\d:\d\d:\d\d/),
      nodes: 30,
    });
    here.server.show({ ...withLoss(), connections: { total: 7, users: 7, byState: {}, latest: [] } });
    await here.page.waitForSelector('.link:not(.lost):has-text("Live")');
    expect((await figures(here.page))['Connections']).toBe('7');
    // The browser itself says on its console that the stream broke; the page says nothing.
    expect(here.complaints.filter((each) => !each.includes('net::'))).toEqual([]);
    here.complaints.length = 0;
    await here[Symbol.asyncDispose]();
  });

  it('notices by its silence that a connection is gone without a word', async () => {
    await using it = await openPage(running());
    await it.page.clock.install();
    await it.open('');
    await it.page.clock.fastForward(14_000);
    it.server.change({ at: Date.now(), connections: { total: 999, users: 7, byState: {}, latest: [] } });
    await it.page.waitForSelector('.figure:has-text("999")');
    await it.page.clock.fastForward(14_000);
    expect(await it.page.locator('.link.lost').count()).toBe(0);
    await it.page.evaluate(() => {
      const seen = window as unknown as { wasLost: boolean };
      new MutationObserver(() => (seen.wasLost ||= document.querySelector('.link.lost') !== null)).observe(
        document.body,
        {
          subtree: true,
          childList: true,
          attributes: true,
        },
      );
    });
    await it.page.clock.fastForward(2_000);
    await it.page.waitForFunction(() => (window as unknown as { wasLost: boolean }).wasLost);
    await it.page.waitForSelector('.link:not(.lost):has-text("Live")');
  });

  it('shows connections and that every event is accounted for, or that one is not', async () => {
    await using it = await openPage(running(), '#/connections');
    const text = async (): Promise<string> => ((await it.page.textContent('main')) ?? '').replaceAll('\u00a0', ' ');
    expect(await text()).toMatch(/312\s*open/);
    expect(await text()).toMatch(/1 204 318\s*appended.*1 203 902\s*acknowledged.*402\s*pending.*14\s*expired/s);
    expect(await text()).toContain('adds up');
    it.server.change({ at: Date.now(), delivery: { appended: 10, acknowledged: 6, pending: 1, expired: 1 } });
    await it.page.waitForSelector('text=2 are unaccounted for');
    expect(await it.page.locator('tbody tr:not(.spacer)').count()).toBeLessThan(60);
    expect(await it.page.getAttribute('table', 'aria-rowcount')).toBe('201');
  });

  it('shows the events of a run as they happen, their tools, and which socket got them when', async () => {
    await using it = await openPage(running(), '#/runs');
    await it.page.click('text=run-1041');
    await it.page.waitForSelector('text=No event has come yet');
    const at = Date.now() - 5_000;
    const line = (n: number, event: string, more: Partial<RunEventLine> = {}): RunEventLine => ({
      n,
      event,
      at: at + n * 100,
      offset: n,
      bytes: 100,
      tool: null,
      callId: null,
      data: JSON.stringify({ text: `<b>${n}</b>` }),
      sockets: [{ connection: 'c-1', sentAt: at + n * 100 + 4, ackedAt: null }],
      ...more,
    });
    const run = 'run-1041';
    it.server.tell({
      run,
      isOpen: true,
      events: [line(1, 'agent_started'), line(2, 'tool_executing', { tool: 'search', callId: 'a' })],
    });
    await it.page.waitForSelector('.events >> text=tool_executing');
    expect(await it.page.textContent('.waterfall')).toMatch(/search.*…/);
    expect(await it.page.textContent('tbody tr >> nth=0')).toContain('not acked');
    const acked = { sockets: [{ connection: 'c-1', sentAt: at + 104, ackedAt: at + 121 }] };
    it.server.tell({
      run,
      isOpen: false,
      events: [line(1, 'agent_started', acked), line(5, 'tool_completed', { tool: 'search', callId: 'a', data: null })],
    });
    await it.page.waitForSelector('text=acked 21 ms');
    expect(await it.page.locator('.events tbody tr').count()).toBe(3);
    expect(await it.page.textContent('.waterfall')).toMatch(/search300 ms/);
    await it.page.click('.row-button >> text=1');
    expect(await it.page.textContent('.panel')).toMatch(/c-1sent 4\.?0? ms, acked 21 ms.*"<b>1<\/b>"/s);
    await it.page.click('.row-button >> text=5');
    expect(await it.page.textContent('.panel')).toContain('Hidden');
  });

  it('shows another instance when it is chosen', async () => {
    await using it = await openPage({ ...running(), instances: TWO });
    expect(await it.page.textContent('select[aria-label=Instance]')).toBe('onetwo (1 unhealthy)');
    const asked = it.page.waitForRequest(/\/api\/live\?instance=two/);
    await it.page.selectOption('select[aria-label=Instance]', 'two');
    await asked;
    await it.page.waitForSelector('.link:has-text("Live")');
    await it.open('#/gates');
    expect(await it.page.textContent('table')).toMatch(/onenoneconnections 140, runs 3.*twoNats/);
    await it.page.click('.row-button >> text=two');
    await it.page.waitForSelector('tr.chosen:has-text("two")');
  });

  it('is worked with the keyboard alone', async () => {
    await using it = await openPage(running());
    const { page } = it;
    const focused = () =>
      page.evaluate(() => document.activeElement?.getAttribute('data-id') ?? document.activeElement?.className);
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('skip');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    await page.fill('input[type=search]', 'catalogue');
    await page.keyboard.press('Enter');
    expect(await focused()).toBe('Catalogue');
    expect(await page.locator('.panel').count()).toBe(0);
    await page.keyboard.press('ArrowLeft');
    const left = await focused();
    expect(left).not.toBe('Catalogue');
    await page.keyboard.press('ArrowRight');
    const right = await focused();
    expect(right).not.toBe(left);
    await page.keyboard.press('Enter');
    await page.waitForSelector(`.panel h3:has-text("${right}")`);
    expect(await focused()).toBe('panel');
    await page.keyboard.press('Escape');
    await page.waitForSelector('.panel', { state: 'detached' });
    expect(await focused()).toBe(right);
    const scale = () => page.evaluate(() => (document.querySelector('.plane') as HTMLElement).style.transform);
    const before = await scale();
    await page.keyboard.press('+');
    expect(await scale()).not.toBe(before);
    await page.keyboard.press('0');
    expect(await scale()).toBe(before);
    // One stop for the whole graph.
    expect(await page.locator('.node[tabindex="0"]').count()).toBe(1);
  });

  it('remembers light or dark', async () => {
    await using it = await openPage(running(), '', { colorScheme: 'light' });
    const theme = () => it.page.evaluate(() => document.documentElement.dataset['theme']);
    expect(await theme()).toBe('light');
    await it.page.click('button:has-text("Dark")');
    expect(await theme()).toBe('dark');
    await it.open('#/gates');
    await it.page.reload();
    await it.page.waitForSelector('.figure');
    expect(await theme()).toBe('dark');
  });

  it('asks for nothing but its own files, and has no style and no script inside its HTML', () => {
    expect(Object.keys(assets).sort()).toEqual(['icon.svg', 'index.html', 'page.css', 'page.js']);
    expect(assets['index.html']).not.toMatch(/\sstyle=|<style|<script(?![^>]*\ssrc=)|\son\w+=/);
    expect(assets['index.html'] + (assets['page.css'] ?? '')).not.toMatch(/https?:\/\/|url\(/);
  });
});
