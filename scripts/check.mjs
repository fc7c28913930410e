/** `npm run check`: format, type-aware lint, types, built packages and import boundaries; runs all, reports all, fails if any fails. */
import { spawnSync } from 'node:child_process';

const node = process.execPath;
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
const steps = [
  ['format', node, ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.']],
  ['types', node, ['node_modules/typescript/bin/tsc', '-p', 'test/tsconfig.json']],
  ['build', node, ['node_modules/typescript/bin/tsc', '-b']],
  // After the build: of files outside a project the linter knows other packages by their dist/ alone.
  [
    'lint',
    node,
    ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--tsconfig', 'test/tsconfig.json'],
  ],
  ...['contracts', 'core', 'server', 'agents', 'client'].map((name) => [
    `exports of ${name}`,
    node,
    ['node_modules/publint/src/cli.js', `packages/${name}`, '--strict'],
  ]),
  ['boundaries', node, [...jest, '--silent', 'test/architecture.test.ts']],
];

let failed = 0;
for (const [name, command, args] of steps) {
  const began = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 ? '✔' : '✘'} ${String(name)} (${seconds} s)`);
  if (status !== 0) {
    failed += 1;
    console.log(stdout + stderr);
  }
}
console.log(failed === 0 ? 'check: all clean' : `check: ${failed} of ${steps.length} failed`);
process.exit(failed === 0 ? 0 : 1);
