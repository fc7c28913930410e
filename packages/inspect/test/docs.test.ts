/** docs/cli.md shows what the command says, and names all that it can be told. `UPDATE_GOLDEN=1` writes the outputs. */
import { expect, it, jest } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { COMMANDS, COMMON } from '../src/commands.ts';
import { muster, root } from './harness.ts';

jest.setTimeout(60_000);

const file = `${root}docs/cli.md`;
const page = readFileSync(file, 'utf8');
const blocks = [...page.matchAll(/^```console\n(\$ muster (.*)\n[^]*?)^```$/gm)].map(([, block, args]) => ({
  block: block as string,
  args: (args as string).split(' '),
}));

it('shows the output of each of its examples as it is', async () => {
  expect(blocks.length).toBeGreaterThan(5);
  const shown = await Promise.all(
    blocks.map(async ({ args }) => `$ muster ${args.join(' ')}\n${(await muster(args)).stdout}`),
  );
  const written = blocks.reduce((text, { block }, index) => text.replace(block, () => shown[index] as string), page);
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(file, written);
  expect(written).toBe(readFileSync(file, 'utf8'));
});

it('has a section and a row for each command, with its arguments, options and exit codes', () => {
  for (const [name, { args, options, exits }] of Object.entries(COMMANDS)) {
    expect(page).toContain(`## muster ${name}\n`);
    const row = page.split('\n').find((line) => line.startsWith(`| \`muster ${[name, ...args].join(' ')}\``)) ?? '';
    for (const [code] of exits) expect(row).toMatch(new RegExp(`\\b${code}\\b`));
    for (const option of Object.keys({ ...options, ...COMMON }).filter((each) => each !== 'help'))
      expect(page).toContain(`--${option}`);
  }
});
