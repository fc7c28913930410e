/** Nothing on the live page keeps anybody out: every view, light and dark, wide and narrow, as axe judges it. */
import { expect, it, jest } from '@jest/globals';
import axe from 'axe-core';
import { withBrowser } from '../../../../test/fixtures/browser.ts';
import { TWO, withLoss } from './moments.ts';
import { openPage, useBrowser } from './open-page.ts';

jest.setTimeout(60_000);

withBrowser('the live page', () => {
  useBrowser();

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
      await it.page.evaluate((hash) => (location.hash = hash), `#/${view}`);
      await it.page.waitForTimeout(60);
      const found = await it.page.evaluate(async () => {
        const { violations } = await (globalThis as unknown as { axe: typeof axe }).axe.run();
        return violations.map(
          ({ id, impact, nodes }) =>
            `${impact} ${id}: ${nodes
              .map(({ html }) => html.slice(0, 120))
              .slice(0, 3)
              .join(' | ')}`,
        );
      });
      expect([view, found.filter((each) => /^(serious|critical)/.test(each))]).toEqual([view, []]);
      // Nothing is wider than the window.
      expect(await it.page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    }
  });
});
