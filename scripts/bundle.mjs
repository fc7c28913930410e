/** Bundles what is started: the flagship and its page, the benches, the examples under test. */
import { execFile } from 'node:child_process';
import { cp, rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';

const chat = fileURLToPath(new URL('../examples/chat/', import.meta.url));
const shared = {
  bundle: true,
  format: 'esm',
  conditions: ['@muster/source'],
  keepNames: true,
  sourcemap: true,
  logLevel: 'warning',
};

/** Packages written as CommonJS ask for Node's modules at run time, which an ES module has to be able to do for them. */
const REQUIRE = {
  js: "import { createRequire as musterCreateRequire } from 'node:module'; const require = musterCreateRequire(import.meta.url);",
};

/** Bundles `entry` into one file that Node runs: one file loads faster than Inversify's hundreds. `options` are esbuild's. */
export async function bundleForNode(entry, outfile, options = {}) {
  await build({
    ...shared,
    entryPoints: [entry],
    outfile,
    platform: 'node',
    target: 'node20',
    // A native module stays where it was installed.
    external: ['lmdb'],
    tsconfigRaw: { compilerOptions: { experimentalDecorators: true } },
    ...(options.format === 'cjs' ? {} : { banner: REQUIRE }),
    ...options,
  });
  return outfile;
}

/** Bundles a program that ends by itself as CommonJS, and runs it once, so that it has what V8 compiled from then on. */
export async function bundleWithCodeCache(entry, outfile, options = {}) {
  await bundleForNode(entry, outfile.replace(/\.cjs$/, '.bundle.cjs'), { ...options, format: 'cjs' });
  await cp(fileURLToPath(new URL('code-cache.cjs', import.meta.url)), outfile);
  await promisify(execFile)(process.execPath, [outfile], { env: { ...process.env, WRITE_CODE_CACHE: '1' } });
  return outfile;
}

/** Builds `examples/chat/dist`; resolves to the path of the server. */
export async function bundleChat() {
  // Files of an earlier build have other names.
  await rm(`${chat}dist`, { recursive: true, force: true });
  const [server] = await Promise.all([
    bundleForNode(`${chat}main.ts`, `${chat}dist/main.js`, {
      // What only a model needs is a file of its own, which is loaded with the first question to one.
      outfile: undefined,
      outdir: `${chat}dist`,
      splitting: true,
      external: ['lmdb', 'ai'],
    }),
    build({
      ...shared,
      entryPoints: [`${chat}page/page.ts`],
      outfile: `${chat}dist/page/page.js`,
      platform: 'browser',
      target: 'es2022',
      minify: true,
    }),
    ...['index.html', 'page.css', 'icon.svg'].map((file) => cp(`${chat}page/${file}`, `${chat}dist/page/${file}`)),
  ]);
  return server;
}

/** Builds `examples/cluster/dist`; resolves to the path of what starts all of it. */
export async function bundleCluster() {
  const cluster = fileURLToPath(new URL('../examples/cluster/', import.meta.url));
  await rm(`${cluster}dist`, { recursive: true, force: true });
  const [main] = await Promise.all([
    bundleForNode(`${cluster}main.ts`, `${cluster}dist/main.js`),
    bundleForNode(`${cluster}backend.ts`, `${cluster}dist/backend.js`),
    build({
      ...shared,
      entryPoints: [`${cluster}page/page.ts`],
      outfile: `${cluster}dist/page/page.js`,
      platform: 'browser',
      target: 'es2022',
      minify: true,
    }),
  ]);
  await cp(`${cluster}page/index.html`, `${cluster}dist/page/index.html`);
  return main;
}
