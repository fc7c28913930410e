/** Nothing on the live page keeps anybody out: every view, light and dark, wide and narrow, as axe judges it. */
import { expect, it, jest } from '@jest/globals';
import { diffGraphs } from '@muster/core/graph';
import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { newPage, withBrowser } from '../../../../test/fixtures/browser.ts';
import { diffPage } from '../../src/diff-page.ts';
import { running, shop, TWO, withLoss } from './moments.ts';
import { openPage } from './open-page.ts';

jest.setTimeout(60_000);

/** What keeps people out, as axe judges it. */
async function barriersOn(page: Page): Promise<string[]> {
  const found = await page.evaluate(async () => {
    const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
    return violations.map(
      ({ id, impact, nodes }) =>
        `${impact} ${id}: ${nodes
          .map(({ html }) => html.slice(0, 120))
          .slice(0, 3)
          .join(' | ')}`,
    );
  });
  return found.filter((each) => /^(serious|critical)/.test(each));
}

/** Goes to a view, and resolves when it is drawn. */
async function show(page: Page, view: string): Promise<void> {
  await page.evaluate((hash) => (location.hash = hash), `#/${view}`);
  const what = view.split('/')[1] ?? `${view.charAt(0).toUpperCase()}${view.slice(1)}`;
  await page.waitForFunction((title) => document.title.startsWith(`${title} ·`), what);
  if (view.startsWith('runs/')) await page.waitForSelector('main :text("tool_executing")');
}

/** Wider than the window where something does not fit in it. */
function widthOf(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth);
}

/** What of the header its own part does not show whole. */
function cutOffOn(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const all = [...document.querySelectorAll('.figures .figure, .identity select')];
    const rightOf = (element: Element | null): number => element?.getBoundingClientRect().right ?? 0;
    const cut = all.filter((each) => rightOf(each) > rightOf(each.parentElement) + 1);
    return cut.map(({ textContent }) => textContent ?? '');
  });
}

withBrowser('the live page', () => {
  const VIEWS = [
    'graph',
    'graph/Nats',
    'timeline',
    'services',
    'services/Nats',
    'gates',
    'connections',
    'runs',
    'runs/run-1041',
    'news',
  ];

  it.each([
    ['light', 1280],
    ['dark', 1280],
    ['light', 360],
  ] as const)('is free of barriers in every view: %s, %i px wide', async (colorScheme, width) => {
    const trouble = { ...withLoss(), instances: TWO };
    await using it = await openPage(trouble, '', {
      colorScheme,
      viewport: { width, height: 740 },
      reducedMotion: 'reduce',
    });
    it.server.tell({
      run: 'run-1041',
      isOpen: true,
      events: [
        {
          n: 1,
          event: 'agent_started',
          at: 1,
          offset: 0,
          bytes: 10,
          tool: null,
          callId: null,
          data: '{}',
          sockets: [],
        },
        {
          n: 2,
          event: 'tool_executing',
          at: 5,
          offset: 1,
          bytes: 10,
          tool: 'search',
          callId: 'a',
          data: null,
          sockets: [],
        },
      ],
    });
    await it.page.evaluate(axe.source);
    for (const view of VIEWS) {
      await show(it.page, view);
      expect([view, await barriersOn(it.page)]).toEqual([view, []]);
      expect([view, await widthOf(it.page)]).toEqual([view, width]);
    }
    expect(await cutOffOn(it.page)).toEqual([]);
  });

  it.each([1280, 650, 360])('is free of barriers while it is disconnected, %i px wide', async (width) => {
    // The browser says on its console that nobody answers, so this one is not closed as others are.
    const it = await openPage({ ...withLoss(), instances: TWO }, '', { viewport: { width, height: 740 } });
    await it.page.evaluate(axe.source);
    await it.server[Symbol.asyncDispose]();
    await it.page.waitForSelector('.link.lost');
    expect(await barriersOn(it.page)).toEqual([]);
    expect(await widthOf(it.page)).toBe(width);
    expect(await cutOffOn(it.page)).toEqual([]);
    await it.page.close();
  });

  it.each([
    ['while the boot hangs', shop(34_000).overview({ at: 34_000, hangs: { id: 'Postgres', progress: 'connecting' } })],
    [
      'after the boot has failed',
      shop(9_000).overview({
        at: 9_000,
        failed: { id: 'Migrations', reason: 'relation exists', hint: 'Repair the table.' },
      }),
    ],
    ['while all is well', running()],
  ])('is free of barriers %s', async (_, overview) => {
    await using it = await openPage(overview, '', { reducedMotion: 'reduce' });
    await it.page.evaluate(axe.source);
    for (const view of ['graph', 'timeline', 'gates']) {
      await show(it.page, view);
      expect([view, await barriersOn(it.page)]).toEqual([view, []]);
    }
  });

  it('that compares two releases is free of barriers, light and dark', async () => {
    const [before, after] = [running().graph, withLoss().graph];
    const html = diffPage(diffGraphs(before, { ...after, nodes: after.nodes.slice(1) }), { before: 'a', after: 'b' });
    for (const colorScheme of ['light', 'dark'] as const) {
      // A file of its own, which nothing that is served has a word in.
      const page = await newPage({ colorScheme });
      await page.setContent(html);
      await page.evaluate(axe.source);
      expect([colorScheme, await barriersOn(page)]).toEqual([colorScheme, []]);
      await page.close();
    }
  });
});
