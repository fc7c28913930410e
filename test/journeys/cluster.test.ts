/** The example of three instances: what one of them counted goes on when it is killed, for a client that was elsewhere or there. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, it, jest } from '@jest/globals';
import { connect } from '@muster/client';
import type { AgentEvent } from '@muster/contracts';
import { WebSocket } from 'ws';
import { withNats } from '../../packages/nats/test/with-nats.ts';
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

withNats('npm run cluster', () => {
  it('shows three instances as one: a run goes on when the process that carries it is killed', async () => {
    const port = await freePort();
    const env = { ...process.env, PORT: String(port) };
    const child = spawn(process.execPath, ['scripts/cluster.mjs'], {
      cwd: root,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      expect(await printed(child, 'Ctrl-C ends all.')).toContain(`→ http://127.0.0.1:${port}`);
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
      const pid = Number(
        /process (\d+)/.exec(all.find(({ address }) => address.startsWith(carrier))?.address ?? '')?.[1],
      );
      process.kill(pid, 'SIGKILL');
      const { status, finalResponse } = await run.result;
      expect(status).toBe('success');
      expect(finalResponse).toMatch(/^counted to 20, at last on /);
      expect(finalResponse).not.toContain(carrier);
      const terminals = events.filter(({ event }) => event === 'agent_completed');
      expect(terminals).toHaveLength(1);
      expect(events.map(({ n }) => n)).toEqual(events.map((_, i) => i + 1));
      await client.close();
    } finally {
      child.kill('SIGTERM');
      expect(await exited).toEqual([0, null]);
    }
  });
});
