/** Opens the live page on a scripted instance. */
import { expect } from '@jest/globals';
import type { Page } from 'playwright-core';
import { complaintsOf, newPage } from '../../../../test/fixtures/browser.ts';
import type { Overview } from '../../src/live/overview.ts';
import { PageServer } from './page-server.ts';

const { bundleInspectPage } = (await import(new URL('../../../../scripts/inspect-page.mjs', import.meta.url).href)) as {
  bundleInspectPage: () => Readonly<Record<string, string>>;
};

/** The files of the page, made of its sources as they are now. */
export const assets = bundleInspectPage();

export interface Opened extends AsyncDisposable {
  readonly page: Page;
  readonly server: PageServer;
  readonly complaints: string[];
  open(hash: string): Promise<void>;
}

/** What the page complained of, and asked for in vain, has to be nothing when the scope ends. */
export async function openPage(
  overview: Overview,
  hash = '',
  options: Parameters<typeof newPage>[0] = {},
): Promise<Opened> {
  const server = await PageServer.listen(assets, overview);
  const page = await newPage({ viewport: { width: 1280, height: 800 }, ...options });
  const complaints = complaintsOf(page);
  const open = async (to: string): Promise<void> => {
    await page.goto(server.url + to);
    await page.waitForSelector('.figure');
  };
  await open(hash);
  return {
    page,
    server,
    complaints,
    open,
    [Symbol.asyncDispose]: async () => {
      await page.close();
      await server[Symbol.asyncDispose]();
      expect(complaints).toEqual([]);
      expect(server.strays).toEqual([]);
    },
  };
}
