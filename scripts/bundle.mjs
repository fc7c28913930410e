/** Bundles the flagship: the server as one file, which starts ten times faster than hundreds, and the page for the browser. */
import { cp } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
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

/** Builds `examples/chat/dist`; resolves to the path of the server. */
export async function bundleChat() {
  const outfile = `${chat}dist/main.js`;
  await Promise.all([
    build({
      ...shared,
      entryPoints: [`${chat}main.ts`],
      outfile,
      platform: 'node',
      target: 'node20',
      // Packages written as CommonJS ask for Node's modules at run time.
      banner: {
        js: "import { createRequire as musterCreateRequire } from 'node:module'; const require = musterCreateRequire(import.meta.url);",
      },
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
  return outfile;
}
