/**
 * Builds the live page of `muster`: everything that a browser needs, as texts in one module that the command line imports.
 *
 * Does nothing when it is made of the same sources already, which it says in its first line.
 */
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { root } from './packages.mjs';

const inspect = `${root}packages/inspect/`;
const outfile = `${inspect}dist/page/assets.js`;

/** The files of the page by name; each can be served as it is. */
export function bundleInspectPage() {
  // Required here, because this module is loaded before anything is installed.
  const { buildSync } = createRequire(import.meta.url)('esbuild');
  const { outputFiles } = buildSync({
    absWorkingDir: inspect,
    entryPoints: { page: 'page/main.tsx', style: 'page/page.css' },
    outdir: 'dist/page',
    entryNames: '[name]',
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    conditions: ['@muster/source'],
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  });
  const made = (ending) => outputFiles.find(({ path }) => path.endsWith(ending)).text;
  const source = (file) => readFileSync(`${inspect}page/${file}`, 'utf8');
  return {
    'index.html': source('index.html'),
    'page.js': made('page.js'),
    'page.css': made('style.css'),
    'icon.svg': source('icon.svg'),
  };
}

/** Brings `dist/page/assets.js` of the package and its declaration up to date. @throws Error when the sources are not sound. */
export function buildInspectPage() {
  const mark = `// Made by scripts/inspect-page.mjs of ${fingerprint()}\n`;
  if (existsSync(outfile) && readFileSync(outfile, 'utf8').startsWith(mark)) return;
  const assets = bundleInspectPage();
  mkdirSync(`${inspect}dist/page`, { recursive: true });
  copyFileSync(`${inspect}page/assets.d.ts`, `${inspect}dist/page/assets.d.ts`);
  writeFileSync(outfile, `${mark}export const assets = ${JSON.stringify(assets)};\n`);
}

/** Changes with every source of the page, with what it is built of, and with how. */
function fingerprint() {
  const sources = readdirSync(`${inspect}page`, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => `${entry.parentPath ?? entry.path}/${entry.name}`)
    .sort();
  const hash = createHash('sha256');
  for (const file of [...sources, `${inspect}package.json`, fileURLToPath(import.meta.url)]) {
    hash.update(file.slice(root.length)).update('\0').update(readFileSync(file)).update('\0');
  }
  return hash.digest('hex');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) buildInspectPage();
