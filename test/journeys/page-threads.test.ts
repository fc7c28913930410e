/** The chats of a user on the flagship's page: a list that outlives the server, and answers that can be stopped. */
import { expect, it, jest } from '@jest/globals';
import type { Page } from 'playwright-core';
import { withBrowser } from '../fixtures/browser.ts';
import { askAndRead, openPage, shown } from './chat-page.ts';

jest.setTimeout(60_000);

const titles = (page: Page) => page.locator('.thread .open').allTextContents();

/** Asks, and waits for the end of that answer. */
async function ask(page: Page, question: string, ends = 1): Promise<void> {
  await page.fill('#question', question);
  await page.click('#ask button');
  await page.waitForFunction((count) => document.querySelectorAll('.end').length === count, ends);
}

withBrowser('the chats on the page', () => {
  it('are listed, the last used first, also after the server was killed, and each shows what was said in it', async () => {
    await using opened = await openPage('Ann');
    const { page } = opened;
    await ask(page, 'What is 6 * 7?');
    await page.click('#new-chat');
    expect((await shown(page)).questions).toEqual([]);
    await ask(page, 'What is 2 + 3?');
    await ask(page, 'What is 2 + 4?', 2);
    await page.waitForSelector('.thread:nth-child(2)');
    expect(await titles(page)).toEqual(['What is 2 + 3?', 'What is 6 * 7?']);
    await opened.restart();
    await page.waitForSelector('#status.ready');
    await page.reload();
    await page.waitForSelector('.thread:nth-child(2)');
    expect(await titles(page)).toEqual(['What is 2 + 3?', 'What is 6 * 7?']);
    await page.waitForFunction(() => document.querySelectorAll('.end').length === 2);
    expect((await shown(page)).questions).toEqual(['What is 2 + 3?', 'What is 2 + 4?']);
    await page.click('.thread .open:has-text("6 * 7")');
    await page.waitForSelector('.end');
    expect(await shown(page)).toMatchObject({
      questions: ['What is 6 * 7?'],
      answers: [expect.stringContaining('42')],
    });
  });

  it('get another title, and go away with everything in them, after a second look', async () => {
    await using opened = await openPage('Ann');
    const { page, complaints } = opened;
    await ask(page, 'What is 6 * 7?');
    await page.waitForSelector('.thread');
    await page.click('.thread [title^="Rename"]');
    await page.fill('.thread input', '  The <b>answer</b>  ');
    await page.press('.thread input', 'Enter');
    await page.waitForSelector('.thread .open');
    expect(await titles(page)).toEqual(['The <b>answer</b>']);
    await page.click('.thread [title^="Delete"]');
    await page.click('.thread [title^="Keep"]');
    await page.waitForSelector('.thread .open');
    expect((await shown(page)).ends).toHaveLength(1);
    await page.click('.thread [title^="Delete"]');
    await page.click('.thread .danger');
    await page.waitForFunction(() => document.querySelectorAll('.thread').length === 0);
    expect((await shown(page)).questions).toEqual([]);
    await page.reload();
    await page.waitForSelector('#question:visible');
    await ask(page, 'What is 1 + 1?');
    expect((await shown(page)).questions).toEqual(['What is 1 + 1?']);
    expect(complaints).toEqual([]);
  });

  it('have several answers at once, of which one can be stopped', async () => {
    await using opened = await openPage('Ann');
    const { page } = opened;
    await askAndRead(page, 'What does the gate do?');
    await page.fill('#question', 'What is 6 * 7?');
    await page.click('#ask button');
    await page.waitForSelector('li.answer:has-text("42") .end');
    expect(await page.locator('.stop').count()).toBe(1);
    await page.click('.stop');
    await page.waitForSelector('.end.bad');
    expect((await shown(page)).ends).toEqual([
      expect.stringMatching(/^The run was cancelled.*cancelled in/),
      expect.stringMatching(/^success/),
    ]);
    expect(await page.locator('.stop').count()).toBe(0);
  });
});
