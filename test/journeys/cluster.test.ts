/** The example of three instances: what one of them counted goes on when it is killed, for a client that was elsewhere or there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { connect } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { WebSocket } from 'ws';
import { withNats } from '../../packages/nats/test/with-nats.ts';
import { newPage, withBrowser } from '../fixtures/browser.ts';
import { freePort } from '../fixtures/free-port.ts';
import { root } from './process.ts';

jest.setTimeout(120_000);

interface Listed {
  readonly all: readonly { readonly address: string; readonly load: Readonly<Record<string, number>> }[];
}

/** Resolves when the text has been printed. */
function printed(child: ChildProcess, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    child.stdout?.setEncoding('utf8').on('data', (more: string) => {
      output += more;
      if (output.includes(text)) resolve(output);
    });
    child.once('close', () => reject(new Error(`npm run cluster ended:\n${output}`)));
  });
}

/** The process whose address says so. */
const pidOf = (address = ''): number => Number(/process (\d+)/.exec(address)?.[1]);

withNats('npm run cluster', () => {
  let child: ChildProcess;
  let port: number;
  let exited: Promise<unknown>;
  beforeAll(async () => {
    port = await freePort();
    const env = { ...process.env, PORT: String(port) };
    child = spawn(process.execPath, ['scripts/cluster.mjs'], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
    exited = once(child, 'exit');
    expect(await printed(child, 'Ctrl-C ends all.')).toContain(`→ http://127.0.0.1:${port}`);
  });
  afterAll(async () => {
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });

  it('shows three instances as one: a run goes on when the process that carries it is killed', async () => {
    const events: AgentEvent[] = [];
    const client = await connect({
      url: `ws://127.0.0.1:${port}/ws`,
      token: 'ann',
      WebSocket: WebSocket as never,
      connectMs: 60_000,
      onEvent: (event) => void events.push(event),
    });
    const run = client.run({ text: '20', agent: 'counter' });
    await run.accepted;
    const carrier = await new Promise<string>((resolve) => {
      const look = setInterval(() => {
        const counted = events.filter(({ event }) => event === 'agent_thinking').length;
        if (counted < 5) return;
        clearInterval(look);
        const last = events.at(-1) as Extract<AgentEvent, { event: 'agent_thinking' }>;
        resolve(last.data.reasoning.split(' on ')[1] as string);
      }, 20);
    });
    const { all } = await client.request<Listed>('instances', {});
    expect(all.map(({ address }) => address.split(' ')[0]).sort()).toEqual(['anna', 'berta', 'carla']);
    process.kill(pidOf(all.find(({ address }) => address.startsWith(carrier))?.address), 'SIGKILL');
    const { status, finalResponse } = await run.result;
    expect(status).toBe('success');
    expect(finalResponse).toMatch(/^counted to 20, at last on /);
    expect(finalResponse).not.toContain(carrier);
    const terminals = events.filter(({ event }) => event === 'agent_completed');
    expect(terminals).toHaveLength(1);
    expect(events.map(({ n }) => n)).toEqual(events.map((_, i) => i + 1));
    await client.close();
  });

  withBrowser('its page', () => {
    it('shows who serves it, and goes on elsewhere when that one is killed: each number once, to the end', async () => {
      const page = await newPage();
      try {
        await page.goto(`http://127.0.0.1:${port}`);
        // The one that was killed before comes again.
        await page.waitForFunction(() => document.querySelectorAll('#instances tr').length === 3);
        const served = async (): Promise<string> => (await page.textContent('#served')) ?? '';
        const first = await served();
        expect(await page.textContent('#instances tr.own td')).toBe(first);
        expect(await page.textContent('#state')).toBe('ready');
        await page.fill('#to', '12');
        await page.click('#ask button');
        await page.waitForFunction(() => document.querySelectorAll('#events li').length >= 3);
        process.kill(pidOf(first), 'SIGKILL');
        await page.waitForSelector('#events li.success', { timeout: 60_000 });
        const lines = await page.locator('#events li').allTextContents();
        const numbers = lines.slice(0, -1).map((line) => line.split(' on ')[0] as string);
        // Where the one that served also counted, it begins again, and says so.
        const counts = numbers
          .join(' ')
          .split(/counter [^\d]+/)
          .filter((part) => part !== '');
        const whole = Array.from({ length: 12 }, (_, i) => `${i + 1}`).join(' ');
        expect(counts.at(-1)).toBe(whole);
        for (const count of counts.slice(0, -1)) expect(`${whole} `.startsWith(count)).toBe(true);
        expect(lines.at(-1)).toMatch(/^success: counted to 12, at last on /);
        const other = await served();
        expect([other === first, await page.textContent('#instances tr.own td')]).toEqual([false, other]);
        await page.waitForFunction(
          (gone) => !(document.querySelector('#instances')?.textContent ?? gone).includes(gone),
          first,
        );
      } finally {
        await page.close();
      }
    });
  });
});
