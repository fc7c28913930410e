/** The flagship's page in a real browser: how tests open it, log in, ask, and read what stands there. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { complaintsOf, newPage } from '../fixtures/browser.ts';
import { chat, RunningProcess } from './process.ts';

/** Starts the chat and opens its page, where the page is reached; everything ends with the scope. */
export async function openPage(
  name: string,
  env: Readonly<Record<string, string>> = {},
  reach: (url: string) => string | Promise<string> = (url) => url,
): Promise<
  AsyncDisposable & {
    page: Page;
    complaints: string[];
    server: RunningProcess;
    restart(): Promise<void>;
  }
> {
  const data = await mkdtemp(join(tmpdir(), 'muster-'));
  let server = new RunningProcess(chat, {
    PORT: '0',
    INSPECT_PORT: '0',
    MUSTER_DATA: data,
    CHAT_DATABASE_MS: '50',
    ...env,
  });
  const page = await newPage();
  const complaints = complaintsOf(page);
  const url = await server.said(/(?:→ |"type":"listening","address":")(http:\/\/127\.0\.0\.1:\d+)/);
  await page.goto(await reach(url));
  await logIn(page, name);
  return {
    page,
    complaints,
    server,
    /** Killed without a word, and started again on the same port and the same data. */
    restart: async () => {
      server.child.kill('SIGKILL');
      await server.exited;
      server = new RunningProcess(chat, {
        PORT: new URL(url).port,
        INSPECT_PORT: '0',
        MUSTER_DATA: data,
        CHAT_DATABASE_MS: '50',
      });
      await server.url();
    },
    [Symbol.asyncDispose]: async () => {
      await page.close();
      await server[Symbol.asyncDispose]();
      await rm(data, { recursive: true, force: true });
    },
  };
}

export async function logIn(page: Page, name: string): Promise<void> {
  await page.fill('#name', name);
  await page.click('#login button');
  await page.waitForSelector('#question:visible');
}

/** Asks, and waits until a part of the answer is there. */
export async function askAndRead(page: Page, question: string): Promise<void> {
  await page.fill('#question', question);
  await page.click('#ask button');
  await page.waitForFunction(() => (document.querySelector('.text')?.textContent ?? '').length > 20);
}

/** What stands on the page, each step and each answer. */
export const shown = (page: Page) =>
  page.evaluate(() => ({
    questions: [...document.querySelectorAll('.question')].map((each) => each.textContent),
    steps: [...document.querySelectorAll('.steps li')].map((each) => each.textContent),
    answers: [...document.querySelectorAll('.text')].map((each) => each.textContent),
    ends: [...document.querySelectorAll('.end')].map((each) => each.textContent),
  }));
