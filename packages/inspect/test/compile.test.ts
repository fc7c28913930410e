/** What becomes of an entry in TypeScript. */
import { expect, it } from '@jest/globals';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { compile } from '../src/entry/compile.ts';
import { fixtures, root } from './harness.ts';

const compiled = (name: string) => compile(join(fixtures, name), join(root, 'node_modules/.cache/muster/x/entry.mjs'));

it('leaves packages where they are, by their whole address, and takes workspaces in', async () => {
  const { code } = await compiled('shop.ts');
  const imports = [...code.matchAll(/^(?:import|export) .*? from "([^"]+)";$/gm)].map(([, from]) => from as string);
  const packages = imports.filter((from) => from.startsWith('file:'));
  const modules = pathToFileURL(join(root, 'node_modules/')).href;
  expect(new Set(packages.filter((from) => from.startsWith(`${modules}inversify/`))).size).toBe(1);
  expect(packages.filter((from) => !from.startsWith(modules))).toEqual([]);
  expect(imports.filter((from) => !from.startsWith('file:') && !/^(?:node:)?[a-z]+$/.test(from))).toEqual([]);
  expect(code).toMatch(/^(?:var|let) App = class/m);
});

it('tells an entry that exports nothing from one that does, without running either', async () => {
  const exports = async (name: string): Promise<boolean> => (await compiled(name)).exportsAnything;
  expect(await exports('exports-nothing.ts')).toBe(false);
  expect(await exports('shop.ts')).toBe(true);
});
