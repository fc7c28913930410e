/** The packages as a user gets them: packed, installed into an empty project outside the workspace, and used there. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { connect } from '@muster/client';
import { build } from 'esbuild';
import { WebSocket } from 'ws';
import { root, RunningProcess } from '../journeys/process.ts';
import {
  type Compiled,
  compile,
  entries,
  filesOf,
  install,
  json,
  packages,
  project,
  read,
  run,
  unpacked,
} from './user-project.ts';

jest.setTimeout(60_000);

afterAll(() => rmSync(project, { recursive: true, force: true }));

const unreachable = await install();
if (unreachable !== undefined) {
  console.warn(`Skipped: the packed packages, because npm can reach no registry. It says:\n${unreachable}`);
}
const withPackages = unreachable === undefined ? describe : describe.skip;

withPackages('every tarball', () => {
  it.each(packages)(
    'of $folder holds a manifest, a README, the licence and dist/, and no trace of its making',
    (each) => {
      const { manifest, folder } = each;
      const files = filesOf(manifest.name);
      const targets = Object.values(manifest.exports ?? {}).flatMap(({ types, default: code }) => [types, code]);
      const promised = [...targets, ...Object.values(manifest.bin ?? {})].map((path) => join(String(path)));
      expect(files).toEqual(expect.arrayContaining(['package.json', 'README.md', 'LICENSE', ...promised]));
      const allowed = new RegExp(`^(package\\.json|README\\.md|LICENSE|dist/.+${manifest.bin ? '|bin/.+' : ''})$`);
      expect(files.filter((file) => !allowed.test(file))).toEqual([]);
      const unwanted = /\.tsbuildinfo$|\.test\.|(?<!\.d)\.[cm]?tsx?$|\.d\.ts\.map$|(^|\/)(src|test)\//;
      expect(files.filter((file) => unwanted.test(file))).toEqual([]);
      const declarations = files.filter((file) => file.endsWith('.d.ts'));
      expect(declarations.length).toBeGreaterThan(0);
      /** What the compiler made it of, or what it is a copy of. */
      const sourcesOf = (file: string): string[] =>
        [file.replace(/^dist\//, 'src/').replace(/\.d\.ts$/, '.ts'), file.replace(/^dist\//, '')].map((path) =>
          join(root, 'packages', folder, path),
        );
      expect(declarations.filter((file) => !sourcesOf(file).some(existsSync))).toEqual([]);
      expect(read(join(unpacked(manifest.name), 'LICENSE'))).toBe(read(join(root, 'LICENSE')));
    },
  );

  it.each(packages)('of $folder says what it is, for which Node, and how to install it', ({ manifest }) => {
    const { engines, version } = json<{ engines: object; version: string }>(join(root, 'package.json'));
    expect(json(join(unpacked(manifest.name), 'package.json'))).toMatchObject({
      description: expect.stringMatching(/^.{20,}\.$/),
      license: 'MIT',
      type: 'module',
      engines,
      version,
      sideEffects: expect.anything(),
      publishConfig: { access: 'public' },
    });
    const others = Object.entries(manifest.dependencies ?? {});
    expect(others.filter(([name, wanted]) => name.startsWith('@muster/') && wanted !== version)).toEqual([]);
    expect(others.filter(([, wanted]) => !/^\d+\.\d+\.\d+$/.test(wanted))).toEqual([]);
    const readme = read(join(unpacked(manifest.name), 'README.md'));
    expect(readme).toMatch(new RegExp(`^# ${manifest.name}\n\n\\S`));
    expect(readme).toMatch(new RegExp(`^(npm install .*${manifest.name}|npx .*)`, 'm'));
  });

  it.each(packages)('of $folder refers to nothing that it does not hold', ({ manifest }) => {
    const directory = unpacked(manifest.name);
    const files = filesOf(manifest.name).filter((file) => /\.(js|d\.ts)$/.test(file));
    const dangling = files.flatMap((file) => {
      const targets = [...read(join(directory, file)).matchAll(/(?:\bfrom |\bimport |\bimport\()["'](\.[^"']+)["']/g)];
      return targets
        .map(([, target]) => join(directory, dirname(file), target as string))
        .map((path) => (file.endsWith('.d.ts') ? path.replace(/\.[jt]s$/, '.d.ts') : path))
        .filter((path) => !existsSync(path))
        .map((path) => `${file} → ${path}`);
    });
    expect(dangling).toEqual([]);
    const maps = filesOf(manifest.name).filter((file) => file.endsWith('.js.map'));
    const hollow = maps.filter((file) => {
      const { sources, sourcesContent } = json<{ sources: unknown[]; sourcesContent?: unknown[] }>(
        join(directory, file),
      );
      return sourcesContent?.filter((text) => typeof text === 'string').length !== sources.length;
    });
    expect(hollow).toEqual([]);
  });
});

withPackages('a program in plain JavaScript', () => {
  it.each(entries)('can import %s, and gets what is built', async (entry) => {
    const { code, output } = await run(process.execPath, [
      '--input-type=module',
      '--eval',
      `console.log(import.meta.resolve('${entry}'), Object.keys(await import('${entry}')).length > 0)`,
    ]);
    expect(code).toBe(0);
    expect(output).toMatch(/\/node_modules\/@muster\/\w+\/dist\/\S+\.js true\n$/);
  });

  it('boots, serves a request and a run, and stops', async () => {
    expect(await run(process.execPath, ['program.js'])).toEqual({ code: 0, output: 'ok\n' });
  });

  it.each([
    ['as it is', {}],
    ['minified with its names kept', { minify: true, keepNames: true }],
  ])('does the same from one file that esbuild bundled %s', async (_how, options) => {
    const alone = mkdtempSync(join(tmpdir(), 'muster-bundle-'));
    const { metafile } = await build({
      absWorkingDir: project,
      entryPoints: ['program.js'],
      outfile: join(alone, 'program.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      // Packages written as CommonJS ask for Node's modules at run time.
      banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
      logLevel: 'silent',
      metafile: true,
      ...options,
    });
    const ran = await run(process.execPath, ['program.mjs'], { cwd: alone });
    rmSync(alone, { recursive: true });
    expect(ran).toEqual({ code: 0, output: 'ok\n' });
    const ours = Object.keys(metafile.inputs).filter((file) => file.includes('/@muster/'));
    expect(ours.length).toBeGreaterThan(20);
    expect(ours.filter((file) => !/^node_modules\/@muster\/\w+\/dist\//.test(file))).toEqual([]);
  });
});

withPackages('the command', () => {
  const muster = (...args: string[]) => run(join(project, 'node_modules/.bin/muster'), args);

  it('is installed, and tells its version', async () => {
    const version = packages.find(({ manifest }) => manifest.bin?.['muster'] !== undefined)?.manifest.version;
    expect(await muster('--version')).toEqual({ code: 0, output: `${version}\n` });
  });

  it('checks an entry in TypeScript, names its lines, and leaves nothing behind', async () => {
    expect(await muster('check', 'app.ts')).toEqual({
      code: 0,
      output: expect.stringMatching(/^✔ app\.ts is sound: 2 services\n/),
    });
    expect((await muster('explain', 'app.ts', 'Orders')).output).toMatch(
      /^Orders is a service, .* declared at app\.ts:7\.\n/,
    );
    expect(readdirSync(join(project, 'node_modules/.cache/muster'))).toEqual([]);
  });
});

withPackages('a strict TypeScript project', () => {
  const strict = {
    target: 'ES2022',
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
  };
  const forNode = { ...strict, module: 'NodeNext', types: ['node'], lib: ['ES2023', 'ESNext.Disposable'] };
  const forBrowsers = { ...strict, module: 'ESNext', moduleResolution: 'Bundler', types: [], lib: ['ES2023', 'DOM'] };

  /** Every entry point as a whole, so that the compiler reads every declaration that can be reached. */
  const whole = entries.map((entry, i) => `import * as entry${i} from '${entry}';`).join('\n');
  const leaks = `${whole}
    type IsAny<T> = 0 extends 1 & T ? true : false;
    type Result<T> = T extends (...args: never[]) => infer R ? R : never;
    type Instance<T> = T extends abstract new (...args: never[]) => infer I ? I : {};
    type Members<T> = { [K in keyof T]-?: IsAny<T[K]> extends true ? K : never }[keyof T];
    type Results<T> = { [K in keyof T]-?: IsAny<Result<T[K]>> extends true ? K : never }[keyof T];
    type Leaks<M> = Members<M> | Results<M> | { [K in keyof M]-?: Members<Instance<M[K]>> }[keyof M];
    declare class Leaky { member: any }
    export const seen: Leaks<{ a: any; b: () => any; c: typeof Leaky; d: string }>[] = ['a', 'b', 'member'];
    // @ts-expect-error: only what is any is a leak.
    export const unseen: Leaks<{ a: any; d: string }> = 'd';
    type None<M> = [Leaks<M>] extends [never] ? 'none' : Leaks<M>;
    ${entries.map((_, i) => `export const in${i}: None<typeof entry${i}> = 'none';`).join('\n')}`;
  const examples = (): [string, string][] =>
    packages.flatMap(({ folder, manifest }) => {
      const readme = read(join(unpacked(manifest.name), 'README.md'));
      const blocks = [...readme.matchAll(/^```ts\n([\s\S]*?)^```$/gm)];
      return blocks.map(([, text], i): [string, string] => [`readme-${folder}-${i}.ts`, text as string]);
    });

  let standard: Compiled;
  let legacy: Compiled;
  let browser: Compiled;
  beforeAll(async () => {
    const [types, firstGate] = ['exact-types.ts', 'first-gate.ts'].map((file) => read(join(project, file))) as [
      string,
      string,
    ];
    const all = {
      'exact-types.ts': types,
      'first-gate.ts': firstGate,
      'leaks.ts': leaks,
      ...Object.fromEntries(examples()),
    };
    const inBrowsers = "export * as a from '@muster/client';\nexport * as b from '@muster/contracts';\n";
    [standard, legacy, browser] = await Promise.all([
      compile('standard', forNode, all),
      compile('legacy', { ...forNode, experimentalDecorators: true }, { 'first-gate.ts': firstGate }),
      compile('browser', forBrowsers, { 'browser.ts': inBrowsers }),
    ]);
  });

  it('gets the types, and its mistakes in declarations as errors', () => {
    expect(standard.errors['exact-types.ts']).toEqual([]);
  });

  it('meets no any: no export, no result of a function, no member of an instance', () => {
    expect(standard.errors['leaks.ts']).toEqual([]);
  });

  it('compiles the example of every README', () => {
    const named = examples().map(([file]) => file);
    for (const { folder, manifest } of packages)
      if (manifest.exports !== undefined) expect(named).toContain(`readme-${folder}-0.ts`);
    expect(named.flatMap((file) => standard.errors[file])).toEqual([]);
  });

  it('finds no mistake in any declaration of ours, and reads nothing but declarations from its own node_modules', () => {
    for (const { errors, files } of [standard, legacy, browser]) {
      // Those of the AI SDK and of the client of NATS need `skipLibCheck` in every project of theirs.
      const checked = Object.entries(errors).filter(([file]) => !/^node_modules\/(ai|@ai-sdk|@nats-io)\//.test(file));
      expect(checked.flatMap(([, each]) => each)).toEqual([]);
      const ours = files.filter((file) => file.includes('/@muster/'));
      expect(ours.length).toBeGreaterThan(10);
      expect(ours.filter((file) => !/\/node_modules\/@muster\/\w+\/dist\/.*\.d\.ts$/.test(file))).toEqual([]);
    }
  });

  it('of a browser gets client and contracts without any types of Node', () => {
    expect(browser.files.filter((file) => file.includes('/@types/'))).toEqual([]);
  });

  it('runs the first example, with decorators of either kind', async () => {
    for (const { out } of [standard, legacy]) {
      await using server = new RunningProcess(join(out, 'first-gate.js'), { PORT: '0' });
      const url = `${(await server.url()).replace('http', 'ws')}/ws`;
      const client = await connect({ url, token: 'Ann', WebSocket });
      expect(await client.request('hello', {})).toBe('Hello, Ann!');
      server.child.kill('SIGTERM');
      expect((await server.exited).code).toBe(0);
      await client.close();
    }
  });
});
