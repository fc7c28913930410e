/** `npm run check`: format, types, lint, the weight of client and live page, the packages as they would be published and in use, import boundaries; runs all, reports all, fails if any fails. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packages, root } from './packages.mjs';

const packed = mkdtempSync(join(tmpdir(), 'muster-check-'));
const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];

/** Each is run by Node; `after` names the step whose files it reads, `shows` says that its output is wanted also when it succeeds. */
const steps = [
  { name: 'build', run: ['scripts/build.mjs'] },
  { name: 'format', run: ['node_modules/prettier/bin/prettier.cjs', '--check', '--log-level=warn', '.'] },
  {
    name: 'types',
    run: ['node_modules/typescript/bin/tsc', '-p', 'test/tsconfig.json'],
    // The declaration of the live page is copied into dist/.
    after: 'build',
  },
  {
    name: 'lint',
    run: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings', '--tsconfig', 'test/tsconfig.json'],
    // Of files outside a project the linter knows other packages by their dist/ alone.
    after: 'build',
  },
  { name: 'size', run: ['scripts/size.mjs'], shows: true },
  {
    name: 'boundaries, and the packages in use',
    // The patterns come last: they take every word behind them.
    run: [...jest, 'test/architecture.test.ts', 'test/publish', '--testPathIgnorePatterns=/node_modules/'],
    after: 'build',
    // Where no registry can be reached it says so.
    shows: true,
  },
  { name: 'pack', run: ['scripts/pack.mjs', packed], after: 'build' },
  ...packages.flatMap(({ folder, tarball }) => [
    {
      name: `manifest of ${folder}`,
      run: ['node_modules/publint/src/cli.js', join(packed, tarball), '--strict'],
      after: 'pack',
    },
    {
      name: `types of ${folder} as packed`,
      run: ['node_modules/@arethetypeswrong/cli/dist/index.js', join(packed, tarball), '--profile=esm-only'],
      after: 'pack',
    },
  ]),
];

/** Runs one step and reports it; false when it failed. */
async function report({ name, run, shows }) {
  const began = performance.now();
  const child = spawn(process.execPath, run, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const status = await new Promise((resolve) => {
    child.on('close', resolve);
  });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  console.log(`${status === 0 ? '✔' : '✘'} ${name} (${seconds} s)`);
  if (status !== 0 || shows) console.log(output.trimEnd());
  return status === 0;
}

/** Takes the next step as soon as what it comes after has ended, in the order of the list. */
async function work() {
  while (waiting.length > 0) {
    const at = waiting.findIndex(({ after }) => after === undefined || done.has(after));
    if (at === -1) {
      await Promise.race(running);
      continue;
    }
    const [step] = waiting.splice(at, 1);
    const turn = report(step).then((ok) => {
      running.delete(turn);
      done.set(step.name, ok);
    });
    running.add(turn);
    await turn;
  }
}

const began = performance.now();
const waiting = [...steps];
const running = new Set();
/** Ended steps: whether each succeeded. What comes after a failed one is run all the same, and may show more. */
const done = new Map();
await Promise.all([work(), work()]);
rmSync(packed, { recursive: true });

const failed = [...done.values()].filter((ok) => !ok).length;
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(
  failed === 0 ? `check: all clean (${seconds} s)` : `check: ${failed} of ${steps.length} failed (${seconds} s)`,
);
process.exit(failed === 0 ? 0 : 1);
