/**
 * Measures what a browser has to load: @muster/client in a page, and the live page of @muster/inspect; minified and compressed.
 *
 * Fails beyond their limits, or when a schema gets into the client.
 */
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { bundleInspectPage } from './inspect-page.mjs';
import { root } from './packages.mjs';

const LIMIT = 10 * 1024;
const PAGE_LIMIT = 60 * 1000;

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
const compressed = (content) => gzipSync(content, { level: 9 }).length;
const bytes = compressed(contents);
const schemas = Object.keys(metafile.outputs['client.js'].inputs).filter((file) => file.includes('/valibot/'));
console.log(`@muster/client: ${bytes} bytes gzip of ${LIMIT}, ${contents.length} minified`);
for (const file of schemas) console.log(`a schema library is in the bundle: ${file}`);

// Each file is compressed by itself, as it is sent.
const files = Object.values(bundleInspectPage());
const pageBytes = files.reduce((sum, file) => sum + compressed(file), 0);
const minified = files.reduce((sum, file) => sum + Buffer.byteLength(file), 0);
console.log(`live page of @muster/inspect: ${pageBytes} bytes gzip of ${PAGE_LIMIT}, ${minified} minified`);
process.exit(bytes <= LIMIT && schemas.length === 0 && pageBytes <= PAGE_LIMIT ? 0 : 1);
