/**
 * Runs the bundle beside it with the code that V8 has compiled before, which spares a start most of its compiling.
 *
 * Copied as `<name>.cjs` beside `<name>.bundle.cjs`. Started once with WRITE_CODE_CACHE=1, it leaves `<name>.bundle.cache`
 * when the process exits. A cache of another Node is ignored, and the bundle compiled as ever.
 */
'use strict';
const { readFileSync, writeFileSync } = require('node:fs');
const { Script } = require('node:vm');

const file = __filename.replace(/\.cjs$/, '.bundle.cjs');
const cache = file.replace(/\.cjs$/, '.cache');
const write = process.env.WRITE_CODE_CACHE === '1';

let cachedData;
try {
  if (!write) cachedData = readFileSync(cache);
} catch {
  // Never written: compiled as ever.
}
// esbuild writes ASCII, and one byte per character is what V8 reads fastest.
const source = readFileSync(file, 'latin1');
const script = new Script(`(function (exports, require, module, __filename, __dirname) { ${source}\n})`, {
  filename: file,
  cachedData,
});
// At the exit, so that it also has the functions that were compiled while the program ran.
if (write) process.once('exit', () => writeFileSync(cache, script.createCachedData()));
script.runInThisContext()(exports, require, module, file, __dirname);
