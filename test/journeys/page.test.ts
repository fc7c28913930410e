/** The flagship's page in a real browser, as a person uses it. */
import { expect, it, jest } from '@jest/globals';
import { FaultyProxy } from '../faults/proxy.ts';
import { newPage, withBrowser } from '../fixtures/browser.ts';
import { askAndRead, logIn, openPage, shown } from './chat-page.ts';

jest.setTimeout(60_000);

withBrowser('the page', () => {
  /** A way to the server that can be taken away: connections are reset, and so is every new one. */
  async function network(port: number) {
    const reset = { kind: 'reset', afterBytes: 0 } as const;
    let isDown = false;
    const proxy = await FaultyProxy.listen({ port, faults: () => (isDown ? reset : { kind: 'none' }) });
    return {
      port: proxy.port,
      goDown: async () => {
        isDown = true;
        const open = [...proxy.connections];
        for (const connection of open) connection.strike(reset);
        await Promise.all(open.map(({ closed }) => closed));
      },
      /** Resolves when somebody has tried in vain. */
      triedAgain: async () => (await proxy.connection(proxy.connections.length)).closed,
      comeBack: () => (isDown = false),
      [Symbol.asyncDispose]: () => proxy[Symbol.asyncDispose](),
    };
  }

  it('logs in with a name and shows thinking, tool and an answer that cites a file', async () => {
    await using opened = await openPage('Ann');
    const { page, complaints } = opened;
    await page.fill('#question', 'What does the gate do?');
    await page.click('#ask button');
    await page.waitForSelector('.end');
    expect(await page.textContent('.tool.ok')).toContain('search_docs');
    expect(await page.locator('.thought').count()).toBeGreaterThan(1);
    expect(await page.locator('.cite').first().textContent()).toMatch(/\.(md|ts)$/);
    expect(await page.textContent('.text')).toMatch(/gate/i);
    expect(await page.textContent('.end')).toMatch(/^success/);
    await page.fill('#question', '1 / 0');
    await page.click('#ask button');
    await page.waitForSelector('.tool.bad');
    expect(complaints).toEqual([]);
  });

  it('shows what a user wrote as text, whatever it contains, and says when the server has gone', async () => {
    await using opened = await openPage('<img src=x onerror=alert(1)>');
    const { page, server, complaints } = opened;
    const nasty = '<script>document.title="owned"</script> gate';
    await page.fill('#question', nasty);
    await page.click('#ask button');
    await page.waitForSelector('.end');
    expect(await page.textContent('.question')).toBe(nasty);
    expect(await page.title()).toBe('Muster · chat');
    server.child.kill('SIGINT');
    await page.waitForSelector('#status.lost:has-text("connecting again")');
    expect(complaints).toEqual([]);
  });

  it('reloaded in the middle of an answer shows all of it, each event once', async () => {
    await using opened = await openPage('Ann');
    const { page, complaints } = opened;
    await askAndRead(page, 'What does the gate do?');
    const before = await shown(page);
    await page.reload();
    await page.waitForSelector('.end');
    const after = await shown(page);
    expect(before.ends).toEqual([]);
    expect(after.questions).toEqual(['What does the gate do?']);
    expect(after.steps).toEqual(before.steps);
    expect(after.answers).toHaveLength(1);
    expect(after.answers[0]).toContain((before.answers[0] as string).trim());
    expect(after.ends).toEqual([expect.stringMatching(/^success/)]);
    // Once more, when everything is over: the same again.
    await page.reload();
    await page.waitForSelector('.end');
    expect(await shown(page)).toEqual(after);
    expect(complaints).toEqual([]);
  });

  it('comes back by itself when the server was killed, has all that it had shown once, and sees the run interrupted', async () => {
    await using opened = await openPage('Ann');
    const { page } = opened;
    await askAndRead(page, 'What does the gate do?');
    const before = await shown(page);
    await opened.restart();
    await page.waitForSelector('.end.bad');
    const after = await shown(page);
    expect(after.questions).toEqual(before.questions);
    expect(after.steps).toEqual(before.steps);
    expect(after.answers[0]).toContain((before.answers[0] as string).trim());
    expect(after.ends).toEqual([expect.stringContaining('interrupted in')]);
    await page.waitForSelector('#status.ready');
    // And goes on: the next question is answered.
    await page.fill('#question', 'What is 6 * 7?');
    await page.click('#ask button');
    await page.waitForSelector('.end:not(.bad)');
    expect((await shown(page)).answers[1]).toContain('42');
    await page.reload();
    await page.waitForSelector('.end:not(.bad)');
    expect((await shown(page)).ends).toHaveLength(2);
  });

  it('says so while there is no network, and shows what went on meanwhile when it is back, each event once', async () => {
    let reached!: Awaited<ReturnType<typeof network>>;
    await using opened = await openPage('Ann', { LOG_FORMAT: 'json' }, async (url) => {
      reached = await network(Number(new URL(url).port));
      return `http://127.0.0.1:${reached.port}`;
    });
    await using net = reached;
    const { page, server } = opened;
    await askAndRead(page, 'What does the gate do?');
    await net.goDown();
    await page.waitForSelector('#status.lost:has-text("connecting again")');
    const before = await shown(page);
    // It tries in vain, and the agent goes on without it.
    await net.triedAgain();
    await server.said(/"machine":"run",[^\n]*"to":"completed"/);
    expect(await page.locator('#status.lost').count()).toBe(1);
    expect(await shown(page)).toEqual(before);
    net.comeBack();
    await page.waitForSelector('#status.ready');
    await page.waitForSelector('.end');
    const after = await shown(page);
    expect(before.ends).toEqual([]);
    expect(after.questions).toEqual(before.questions);
    expect(after.steps.slice(0, before.steps.length)).toEqual(before.steps);
    expect(after.answers).toHaveLength(1);
    expect(after.answers[0]).toContain((before.answers[0] as string).trim());
    expect(after.answers[0]!.length).toBeGreaterThan(before.answers[0]!.length);
    expect(after.ends).toEqual([expect.stringMatching(/^success/)]);
    // From the beginning, as a page without a past shows it: nothing was missing and nothing was there twice.
    await page.reload();
    await page.waitForSelector('.end');
    expect(await shown(page)).toEqual(after);
  });

  it('in two tabs of one user shows each what was asked there', async () => {
    await using opened = await openPage('Ann');
    const second = await newPage();
    await second.goto(opened.page.url());
    await logIn(second, 'Ann');
    await Promise.all([
      askAndRead(opened.page, 'What does the gate do?'),
      askAndRead(second, 'How does a service start?'),
    ]);
    await Promise.all([opened.page.waitForSelector('.end'), second.waitForSelector('.end')]);
    expect((await shown(opened.page)).questions).toEqual(['What does the gate do?']);
    expect((await shown(second)).questions).toEqual(['How does a service start?']);
    expect((await shown(second)).ends).toHaveLength(1);
    await second.close();
  });
});
