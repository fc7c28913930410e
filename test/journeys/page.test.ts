/** The flagship's page in a real browser, as a person uses it. */
import { describe, expect, it, jest } from '@jest/globals';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { chat, RunningProcess } from './process.ts';

jest.setTimeout(60_000);

const executablePath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const mandatory = process.env['CI'] === 'true';
if (executablePath === undefined && !mandatory) {
  console.warn('Skipped: the page in a browser, because there is no chromium. On Debian: apt-get install chromium');
}
const withBrowser = executablePath === undefined && !mandatory ? describe.skip : describe;

withBrowser('the page', () => {
  /** Starts the chat and opens its page; everything ends with the scope. */
  async function open(
    name: string,
  ): Promise<AsyncDisposable & { page: Page; complaints: string[]; server: RunningProcess }> {
    const data = await mkdtemp(join(tmpdir(), 'muster-'));
    const server = new RunningProcess(chat, { PORT: '0', MUSTER_DATA: data, CHAT_DATABASE_MS: '50' });
    const flags = [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ];
    const browser: Browser = await chromium.launch({ executablePath: executablePath ?? '', args: flags });
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    await page.goto(await server.url());
    await page.fill('#name', name);
    await page.click('#login button');
    await page.waitForSelector('#question:visible');
    return {
      page,
      complaints,
      server,
      [Symbol.asyncDispose]: async () => {
        await browser.close();
        await server[Symbol.asyncDispose]();
        await rm(data, { recursive: true, force: true });
      },
    };
  }

  it('logs in with a name and shows thinking, tool and an answer that cites a file', async () => {
    await using opened = await open('Ann');
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
    await using opened = await open('<img src=x onerror=alert(1)>');
    const { page, server, complaints } = opened;
    const nasty = '<script>document.title="owned"</script> gate';
    await page.fill('#question', nasty);
    await page.click('#ask button');
    await page.waitForSelector('.end');
    expect(await page.textContent('.question')).toBe(nasty);
    expect(await page.title()).toBe('Muster · chat');
    // The browser complains of every attempt to come back.
    expect(complaints).toEqual([]);
    server.child.kill('SIGINT');
    await page.waitForSelector('#status.lost:has-text("disconnected")');
  });

  it('shows after a reload in the middle of an answer what it showed before, and the rest', async () => {
    await using opened = await open('Ann');
    const { page, complaints } = opened;
    await page.fill('#question', 'What does the gate do?');
    await page.click('#ask button');
    await page.waitForSelector('.tool');
    await page.reload();
    await page.waitForSelector('.end');
    expect(await page.locator('.question').allTextContents()).toEqual(['What does the gate do?']);
    expect(await page.locator('.answer').count()).toBe(1);
    expect(await page.textContent('.tool.ok')).toContain('search_docs');
    expect(await page.textContent('.end')).toMatch(/^success/);
    const shown = await page.textContent('#conversation');
    await page.reload();
    await page.waitForSelector('.end');
    expect(await page.textContent('#conversation')).toBe(shown);
    expect(await page.textContent('#status')).toBe('Ann · connected');
    expect(complaints).toEqual([]);
  });
});
