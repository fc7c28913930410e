/** What can be an entry, how it is loaded, and what is left of that. */
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphDump } from '@muster/contracts';
import { fixtures, lastLine, muster, root, RunningMuster } from './harness.ts';

jest.setTimeout(60_000);

const scratch = mkdtempSync(join(tmpdir(), 'muster-entry-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('an entry', () => {
  it.each([
    ['TypeScript with decorators', ['shop.ts']],
    ['an asynchronous function in TypeScript', ['served.ts']],
    ['plain JavaScript', ['plain.mjs']],
    ['CommonJS', ['common.cjs']],
    ['a chosen export', ['two-apps.ts', '--export', 'warehouse']],
  ])('can be %s', async (_what, args) => {
    const { code, stdout, stderr } = await muster(['check', ...args]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^✔ \S+ is sound: /);
  });

  it('sees its own place in each of its files, and has its names for itself', async () => {
    const { stdout, stderr } = await muster(['check', 'places/entry.ts', '--json']);
    expect(JSON.parse(stderr)).toEqual({
      __dirname: `${fixtures}places/`,
      inner: new URL('./fixtures/places/inner/inner.ts', import.meta.url).href,
      ws: 'function',
    });
    // What it printed itself is not in the way of who reads the report.
    expect(JSON.parse(stdout)).toMatchObject({ ok: true });
  });

  it('names its own files and lines, from wherever it is asked', async () => {
    const places = async (cwd: string, entry: string) =>
      lastLine<GraphDump>(await muster(['graph', entry, '--json'], { cwd })).nodes.map((node) => node.declaredAt);
    const line = (text: string): number =>
      readFileSync(join(fixtures, 'shop.ts'), 'utf8').split(`class ${text}`)[0]?.split('\n').length as number;
    const expected = ['Database', 'Mailer', 'Orders', 'Checkout'].map((name) => line(name) - 1);
    expect(await places(fixtures, 'shop.ts')).toEqual(expected.map((each) => `shop.ts:${each}`));
    const near = 'packages/inspect/test/fixtures/shop.ts';
    expect(await places(root, near)).toEqual(expected.map((each) => `${near}:${each}`));
    expect(await places(scratch, join(fixtures, 'shop.ts'))).toEqual(
      expected.map((each) => `${fixtures}shop.ts:${each}`),
    );
  });

  it('needs no compiler when it is JavaScript, and help needs nothing at all', async () => {
    const say =
      'export const load = (url, context, next) => { process._rawDebug(`LOADED ${url}`); return next(url, context); };';
    const hook = `import { register } from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(say)}`)});`;
    const flags = ['--disable-warning=DEP0205', '--import', `data:text/javascript,${encodeURIComponent(hook)}`];
    const loads = async (...args: string[]) => {
      const { stderr } = await muster(args, { flags });
      const urls = [...stderr.matchAll(/^LOADED (.*)$/gm)].map(([, url]) => url as string);
      expect(urls.length).toBeGreaterThan(0);
      return {
        compiler: urls.some((url) => url.includes('/esbuild/')),
        container: urls.some((url) => url.includes('/inversify/')),
      };
    };
    expect(await loads('check', 'shop.ts')).toMatchObject({ compiler: true });
    expect(await loads('check', 'plain.mjs')).toEqual({ compiler: false, container: true });
    expect(await loads('help')).toEqual({ compiler: false, container: false });
    const plan = join(scratch, 'plan.json');
    writeFileSync(plan, (await muster(['graph', 'shop.ts', '--json'])).stdout);
    expect(await loads('graph', plan, '--json')).toEqual({ compiler: false, container: false });
  });

  it('is compiled as its own tsconfig.json has it, and with experimentalDecorators where there is none', async () => {
    const copy = mkdtempSync(join(scratch, 'decorators-'));
    const entry = join(copy, 'entry.ts');
    const decorated = `function count(...args: unknown[]): void { console.log(args.length); } @count class Shop {} void Shop;`;
    writeFileSync(entry, `${decorated} export { app } from ${JSON.stringify(`${fixtures}plain.mjs`)};`);
    expect(await muster(['check', entry])).toMatchObject({ code: 0, stderr: '1\n' });
    writeFileSync(join(copy, 'tsconfig.json'), '{}');
    expect(await muster(['check', entry])).toMatchObject({ code: 0, stderr: '2\n' });
  });

  it.each([
    ['--conditions=@muster/source', { flags: ['--conditions=@muster/source'] }],
    ['NODE_OPTIONS', { env: { NODE_OPTIONS: '-C @muster/source' } }],
  ])('gets the files of the conditions that Node was given with %s', async (_how, surroundings) => {
    const copy = mkdtempSync(join(scratch, 'conditions-'));
    for (const [file, text] of Object.entries({
      'entry.ts': `import { where } from '#where'; console.log(where); export { app } from ${JSON.stringify(`${fixtures}plain.mjs`)};`,
      'source.ts': `export const where: string = 'source';`,
      'built.js': `export const where = 'built';`,
      'package.json': '{"type":"module","imports":{"#where":{"@muster/source":"./source.ts","default":"./built.js"}}}',
    }))
      writeFileSync(join(copy, file), text);
    const [without, given] = await Promise.all([
      muster(['check', join(copy, 'entry.ts')]),
      muster(['check', join(copy, 'entry.ts')], surroundings),
    ]);
    expect([without, given].map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, 'built\n'],
      [0, 'source\n'],
    ]);
  });

  it('leaves nothing behind, however loading an entry ends', async () => {
    const project = join(scratch, 'clean');
    mkdirSync(join(project, 'node_modules'), { recursive: true });
    const app = `export { app } from ${JSON.stringify(`${fixtures}plain.mjs`)};`;
    for (const [file, text] of Object.entries({
      'sound.ts': app,
      'throws.ts': `${app} throw new Error('no');`,
      'exits.ts': `${app} process.exit(0);`,
      'broken.ts': `${app} const = 7;`,
      'waits.ts': `${app} console.log('waiting'); await new Promise((resolve) => setInterval(resolve, 1e9));`,
    }))
      writeFileSync(join(project, file), text);
    const ended = await Promise.all(
      ['sound', 'throws', 'exits', 'broken'].map((name) => muster(['check', `${name}.ts`], { cwd: project })),
    );
    expect(ended.map(({ code }) => code)).toEqual([0, 2, 2, 2]);
    await using waiting = new RunningMuster(['check', 'waits.ts'], { cwd: project });
    await waiting.said(/waiting/);
    expect(readdirSync(join(project, 'node_modules/.cache/muster'))).toHaveLength(1);
    expect((await waiting.end('SIGINT')).code).toBe('SIGINT');
    expect(readdirSync(join(project, 'node_modules/.cache/muster'))).toEqual([]);
  });
});
