/** The boundaries of the design as data: who may import whom, and where time and chance may come from. */
import { describe, expect, it } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseSync } from '@swc/core';

const root = fileURLToPath(new URL('..', import.meta.url));

/** What each package may import beside its own files. Nothing else, node: modules included. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  contracts: ['valibot'],
  core: [
    '@muster/contracts',
    'inversify',
    '@inversifyjs/core',
    '@inversifyjs/plugin',
    'reflect-metadata',
    'p-retry',
    'eventemitter3',
    'node:',
  ],
  server: ['@muster/contracts', '@muster/core', 'ws', 'node:'],
  agents: ['@muster/contracts', '@muster/core', '@standard-schema/spec', 'ai', 'node:buffer'],
  client: ['@muster/contracts'],
  lmdb: ['@muster/contracts', '@muster/core', 'lmdb', 'node:'],
  nats: ['@muster/contracts', '@muster/core', '@nats-io/jetstream', '@nats-io/transport-node', 'node:'],
  postgres: ['@muster/contracts', '@muster/core', 'drizzle-orm', 'pg', 'node:'],
  inspect: [
    '@muster/contracts',
    '@muster/core',
    '@muster/server',
    '@opentelemetry/api',
    // The page, which another build makes.
    '@muster/inspect/page-assets',
    'esbuild',
    'prom-client',
    'ws',
    'node:',
  ],
};

/** What the folders of core may import of each other; files beside the folders are named by themselves. */
const CORE_LAYERS: Readonly<Record<string, readonly string[]>> = {
  declare: ['lifecycle/gate', 'lifecycle/health', 'errors', 'principal'],
  graph: ['declare/edge', 'declare/scope-kind'],
  container: ['declare', 'graph', 'lifecycle/gate', 'state/key-value-store', 'errors', 'redact', 'thenable'],
  factories: [
    'declare',
    'graph/graph-node',
    'lifecycle',
    'state/preparation',
    'app-server',
    'clock',
    'errors',
    'redact',
    'thenable',
  ],
  lifecycle: [
    'graph',
    'declare',
    'clock',
    'errors',
    'graph-view',
    'principal',
    'redact',
    'runtime',
    'runtime-event',
    'state/candidate',
    'state/lease',
    'thenable',
  ],
  scopes: ['declare', 'lifecycle/gate', 'clock', 'errors', 'principal', 'redact', 'runtime-event', 'thenable'],
  log: ['declare', 'errors', 'subscription'],
  state: [
    'declare',
    'clock',
    'errors',
    'graph-view',
    'principal',
    'redact',
    'runtime',
    'runtime-event',
    'subscription',
  ],
};

/** The only files that may touch the clock, timers or randomness. */
const CLOCKS = [
  'packages/core/src/clock.ts',
  'packages/core/src/testing/fake-clock.ts',
  'packages/client/src/clock.ts',
];

/** The only files that may wait for a turn of the event loop, which is no time: between slices they look at what has come. */
const TURNS = ['packages/server/src/connection/wire.ts', 'packages/lmdb/src/turn.ts'];

/** The only file that may import what it does not name: the module of a user. */
const LOADERS = ['packages/inspect/src/entry/load-app.ts'];

const FORBIDDEN_GLOBALS = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'Date',
  'performance',
  'hrtime',
  'Math.random',
  'crypto',
  'randomUUID',
  'randomBytes',
]);

interface Source {
  /** Path from the repository's root. */
  readonly file: string;
  readonly package: string;
  readonly imports: readonly { readonly from: string; readonly typeOnly: boolean }[];
  readonly globals: readonly string[];
  /** True when it imports something that it does not name. */
  readonly loads: boolean;
}

function sourcesOf(name: string): Source[] {
  const directory = join(root, 'packages', name, 'src');
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .map((file) => read(join(directory, file), name));
}

function read(path: string, name: string): Source {
  const imports: { from: string; typeOnly: boolean }[] = [];
  const globals = new Set<string>();
  let loads = false;
  const module = parseSync(readFileSync(path, 'utf8'), { syntax: 'typescript', decorators: true });
  walk(module, (node) => {
    const { type, source, typeOnly } = node as { type: string; source?: { value: string } | null; typeOnly?: boolean };
    if (/^(Import|ExportNamed|ExportAll)Declaration$/.test(type) && source)
      imports.push({ from: source.value, typeOnly: typeOnly ?? false });
    if (type === 'CallExpression' && (node as { callee: { type: string } }).callee.type === 'Import') {
      const from = (node as { arguments: { expression: { value?: string } }[] }).arguments[0]?.expression.value;
      if (from === undefined) loads = true;
      else imports.push({ from, typeOnly: false });
    }
    if (type === 'Identifier') globals.add((node as unknown as { value: string }).value);
    if (type === 'MemberExpression') {
      const { object, property } = node as unknown as { object: { value?: string }; property: { value?: string } };
      if (object.value === 'Math' && property.value === 'random') globals.add('Math.random');
    }
  });
  return {
    file: relative(root, path),
    package: name,
    imports,
    globals: [...globals].filter((global) => FORBIDDEN_GLOBALS.has(global)),
    loads,
  };
}

/** Calls `visit` for every node of a syntax tree; types are left out, since they exist at compile time only. */
function walk(node: unknown, visit: (node: Record<string, unknown>) => void): void {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, visit);
  } else if (typeof node === 'object' && node !== null) {
    const { type } = node as { type?: string };
    if (typeof type === 'string') {
      if (/^Ts(Type|Interface)/.test(type)) return;
      visit(node as Record<string, unknown>);
    }
    for (const each of Object.values(node)) walk(each, visit);
  }
}

const sources = Object.keys(ALLOWED).flatMap(sourcesOf);

describe('architecture', () => {
  it('has read the sources that it judges', () => {
    expect(Object.keys(ALLOWED).sort()).toEqual(readdirSync(join(root, 'packages')).sort());
    expect(sources.length).toBeGreaterThan(60);
    expect(sources.flatMap((source) => source.imports).length).toBeGreaterThan(200);
    expect(sources.find(({ file }) => file === 'packages/core/src/clock.ts')?.globals).toEqual(
      expect.arrayContaining(['setTimeout', 'Date', 'hrtime', 'Math.random', 'randomUUID']),
    );
  });

  it('lets every package import only what it may', () => {
    const wrong = sources.flatMap(({ file, package: name, imports }) =>
      imports
        .filter(({ from }) => !from.startsWith('.'))
        .filter(
          ({ from }) =>
            !(ALLOWED[name] as readonly string[]).some(
              (allowed) => from === allowed || from.startsWith(allowed.endsWith(':') ? allowed : `${allowed}/`),
            ),
        )
        .map(({ from }) => `${file} imports ${from}`),
    );
    expect(wrong).toEqual([]);
  });

  it('names everything that it imports, but for what users name', () => {
    expect(sources.filter(({ loads }) => loads).map(({ file }) => file)).toEqual(LOADERS);
  });

  it('declares every import in the package that makes it', () => {
    const undeclared = Object.keys(ALLOWED).flatMap((name) => {
      const manifest = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as {
        dependencies?: Record<string, string>;
        peerDependencies?: Record<string, string>;
      };
      const declared = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
      const used = new Set(
        sources.filter((source) => source.package === name).flatMap(({ imports }) => imports.map(({ from }) => from)),
      );
      const packages = [...used]
        .filter((from) => !from.startsWith('.') && !from.startsWith('node:'))
        .map((from) =>
          from
            .split('/')
            .slice(0, from.startsWith('@') ? 2 : 1)
            .join('/'),
        )
        .filter((from) => from !== `@muster/${name}`);
      const missing = packages
        .filter((used) => !declared.includes(used))
        .map((used) => `${name} uses ${used} without declaring it`);
      const idle = declared
        .filter((each) => !packages.includes(each))
        .map((each) => `${name} declares ${each} without using it`);
      return [...missing, ...idle];
    });
    expect(undeclared).toEqual([]);
  });

  it('keeps the layers of core', () => {
    const wrong = sources
      .filter((source) => source.package === 'core')
      .flatMap(({ file, imports }) => {
        const inside = relative('packages/core/src', file);
        const layer = inside.includes('/') ? (inside.split('/')[0] as string) : '';
        const allowed = CORE_LAYERS[layer];
        if (allowed === undefined) return [];
        return imports
          .filter(({ from }) => from.startsWith('.'))
          .map(({ from }) => relative('/', resolve('/', dirname(inside), from)).replace(/\.ts$/, ''))
          .filter(
            (target) =>
              !target.startsWith(`${layer}/`) &&
              !allowed.some((each) => target === each || target.startsWith(`${each}/`)),
          )
          .map((target) => `${file} imports ${target}`);
      });
    expect(wrong).toEqual([]);
  });

  it('has no circles among files, types aside', () => {
    const links = new Map(
      sources.map(({ file, imports }) => [
        file,
        imports
          .filter(({ from, typeOnly }) => from.startsWith('.') && !typeOnly)
          .map(({ from }) => join(dirname(file), from)),
      ]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) {
        circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      if (done.has(file)) return;
      for (const next of links.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of links.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('takes time and randomness from the clock alone', () => {
    const wrong = sources
      .filter(({ file }) => !CLOCKS.includes(file))
      .flatMap(({ file, globals }) => globals.map((name) => ({ file, name })))
      .filter(({ file, name }) => name !== 'setImmediate' || !TURNS.includes(file))
      .map(({ file, name }) => `${file}: ${name}`);
    expect(wrong).toEqual([]);
  });
});
