/** Measures what @muster/client weighs in a page: bundled and minified by esbuild, then compressed. Fails beyond its limit, or when a schema gets in. */
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { root } from './packages.mjs';

const LIMIT = 10 * 1024;

const { outputFiles, metafile } = buildSync({
  absWorkingDir: root,
  entryPoints: ['packages/client/src/index.ts'],
  outfile: 'client.js',
  bundle: true,
  minify: true,
  format: 'esm',
  platform: 'browser',
  conditions: ['@muster/source'],
  metafile: true,
  write: false,
  logLevel: 'error',
});
const [{ contents }] = outputFiles;
const bytes = gzipSync(contents, { level: 9 }).length;
const schemas = Object.keys(metafile.outputs['client.js'].inputs).filter((file) => file.includes('/valibot/'));
console.log(`@muster/client: ${bytes} bytes gzip of ${LIMIT}, ${contents.length} minified`);
for (const file of schemas) console.log(`a schema library is in the bundle: ${file}`);
process.exit(bytes <= LIMIT && schemas.length === 0 ? 0 : 1);
