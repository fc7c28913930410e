/**
 * Compiles a TypeScript entry into one module that Node can load: what lies outside of node_modules is bundled into it,
 * packages stay what and where they are.
 *
 * The module behaves as its sources would: each keeps its own `import.meta.url`, and stacks name its own lines.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, extname, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BuildFailure, Loader, Message, OnLoadArgs, OnLoadResult, OnResolveArgs, Plugin } from 'esbuild';
import { inspectError } from '../errors.ts';
import { conditionsOf } from './conditions.ts';
import { nearPath } from './thrown.ts';

export interface Compiled {
  readonly code: string;
  /** False when nothing is exported, whatever running it would do. */
  readonly exportsAnything: boolean;
}

/**
 * @param file the absolute path of the entry.
 * @param outfile where the code will be put; its source map is relative to that.
 * @throws MusterError `ENTRY_BROKEN` with all that the compiler has to say.
 */
export async function compile(file: string, outfile: string): Promise<Compiled> {
  const { build } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    entryPoints: [file],
    outfile,
    bundle: true,
    write: false,
    metafile: true,
    absWorkingDir: process.cwd(),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    // Given at all, they also keep esbuild from adding conditions that Node does not have.
    conditions: [...nodeConditions(), ...conditionsOf(process.execArgv, process.env['NODE_OPTIONS'])],
    keepNames: true,
    sourcemap: 'inline',
    sourcesContent: false,
    logLevel: 'silent',
    define: Object.fromEntries(Object.entries(PLACES).map(([expression, name]) => [expression, name])),
    plugins: [packagesStay, sourcesKnowTheirPlace],
    // Packages written as CommonJS ask for Node's modules at run time.
    banner: {
      js: `import { createRequire as musterCreateRequire } from 'node:module'; const require = musterCreateRequire(${JSON.stringify(pathToFileURL(file).href)});`,
    },
    ...(hasTsconfig(file) ? {} : { tsconfigRaw: { compilerOptions: { experimentalDecorators: true } } }),
  }).catch((error: unknown) => {
    const { errors = [] } = error as Partial<BuildFailure>;
    if (errors.length === 0) throw error;
    throw inspectError('ENTRY_BROKEN', { entry: nearPath(file), problems: errors.map(problemText) }, error);
  });
  const code = outputFiles[0]?.text ?? '';
  const exported = Object.values(metafile.outputs).flatMap(({ exports }) => exports);
  return { code, exportsAnything: exported.length > 0 || /^export \*/m.test(code) };
}

/** Those that this Node has beside the ones that esbuild knows. */
function nodeConditions(): string[] {
  const { require_module: isSync } = process.features as { readonly require_module?: boolean };
  return ['node-addons', ...(isSync === true ? ['module-sync'] : [])];
}

/** Decorators and the like are as the user's own compiler has them, where there is a configuration of it. */
function hasTsconfig(file: string): boolean {
  for (let at = dirname(file); ; at = dirname(at)) {
    if (existsSync(join(at, 'tsconfig.json'))) return true;
    if (at === dirname(at)) return false;
  }
}

function problemText({ text, location }: Message): string {
  const what = text.replace(/[.:]$/, '');
  return location === null ? what : `${nearPath(resolve(location.file))}:${location.line}: ${what}`;
}

/** Marks that we ourselves ask where something lies. */
const ASKING = {};

/** What Node itself cannot load is bundled, also where it comes from a package. */
const BUNDLED = new Set(['.ts', '.mts', '.cts', '.tsx', '.jsx', '.json']);

/**
 * A package is left to Node, so that there is one copy of it for everybody; by its whole address, because the module does
 * not lie where it was imported. Workspaces are links to places outside of node_modules, and are sources like the entry's own.
 */
const packagesStay: Plugin = {
  name: 'packages-stay',
  setup(build) {
    build.onResolve({ filter: /^[^./]/ }, async (args: OnResolveArgs) => {
      if (args.kind === 'entry-point' || args.pluginData === ASKING) return undefined;
      const { path, importer, namespace, resolveDir, kind } = args;
      const found = await build.resolve(path, {
        importer,
        namespace,
        resolveDir,
        kind,
        with: args.with,
        pluginData: ASKING,
      });
      if (found.errors.length > 0 || found.external || found.namespace !== 'file') return found;
      if (!found.path.includes(`${sep}node_modules${sep}`) || BUNDLED.has(extname(found.path))) return found;
      return { path: kind.startsWith('require') ? found.path : pathToFileURL(found.path).href, external: true };
    });
  },
};

/** What a source may ask about its own place, and the variable that each source gets for it. */
const PLACES = {
  'import.meta.url': '__muster_url',
  'import.meta.filename': '__muster_file',
  'import.meta.dirname': '__muster_directory',
  __filename: '__muster_file',
  __dirname: '__muster_directory',
} as const;

/** All of them become one module, which has only one place. */
const sourcesKnowTheirPlace: Plugin = {
  name: 'sources-know-their-place',
  setup(build) {
    build.onLoad({ filter: /\.[cm]?[jt]sx?$/, namespace: 'file' }, ({ path }: OnLoadArgs): OnLoadResult | undefined => {
      const text = readFileSync(path, 'utf8');
      if (!/import\.meta|__filename|__dirname/.test(text)) return undefined;
      const said = [pathToFileURL(path).href, path, dirname(path)].map((place) => JSON.stringify(place));
      const places = `const __muster_url = ${said[0]}, __muster_file = ${said[1]}, __muster_directory = ${said[2]};`;
      // In the same line, so that every line keeps its number.
      const contents = text.replace(/^(#!.*\n)?/, (hashbang) => `${hashbang}${places}`);
      return { contents, loader: extname(path).replace(/^\.[cm]?/, '') as Loader };
    });
  },
};
