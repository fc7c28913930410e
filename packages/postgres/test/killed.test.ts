import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { startTestApp } from '@muster/core/testing';
import { postgres, PostgresThreadStore } from '@muster/postgres';
import { Server, withServer } from './server.ts';

jest.setTimeout(60_000);

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const program = here('dist/writer.js');

withServer('apps that are killed while they add', () => {
  let server: Server;
  beforeAll(async () => {
    const { bundleForNode } = (await import(new URL('../../../scripts/bundle.mjs', import.meta.url).href)) as {
      bundleForNode: (entry: string, outfile: string) => Promise<string>;
    };
    await bundleForNode(here('fixtures/writer.ts'), program);
    server = await Server.make();
    await server.start();
  });
  afterAll(() => server?.remove());

  /** Runs the bundle in a process of its own and kills it when it has been told of so many calls; gives what was said. */
  async function killedAfter(calls: number, writer: string, url: string): Promise<string[]> {
    const child = spawn(process.execPath, [program, writer], {
      env: { ...process.env, DATABASE_URL: url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.split('\n').length > calls) child.kill('SIGKILL');
    });
    await once(child, 'close');
    return output.split('\n').slice(0, -1);
  }

  it('leave of every call all or nothing, and everything that was acknowledged', async () => {
    const url = server.url(await server.database());
    const acknowledged = (await Promise.all(['1', '2', '3'].map((writer) => killedAfter(25, writer, url)))).flat();
    expect(acknowledged.length).toBeGreaterThanOrEqual(75);

    await using app = await startTestApp({ services: [PostgresThreadStore, ...postgres({ url })] });
    const store = app.get(PostgresThreadStore);
    // Waits for what the killed ones have still under way.
    expect(await store.add('ann', 't', [])).toBe(true);
    const ids = (await store.messages('ann', 't'))?.map(({ id }) => id) ?? [];
    const calls = ids.filter((id) => id.endsWith(' a')).map((id) => id.slice(0, -2));
    expect(ids).toEqual(calls.flatMap((id) => [`${id} a`, `${id} b`, `${id} c`]));
    expect(acknowledged.filter((id) => !calls.includes(id))).toEqual([]);
  });
});
