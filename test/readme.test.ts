/** The documents and the files that they quote and link to say the same. */
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  ...readdirSync(join(root, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
  ...readdirSync(join(root, 'packages')).map((folder) => `packages/${folder}/README.md`),
];

describe('the documents', () => {
  it('quote the first example as it is, in about twenty lines', () => {
    const [, file, quoted] = /<!-- (\S+) -->\n```ts\n([\s\S]*?)\n```/.exec(read('README.md')) ?? [];
    expect(quoted).toBe(read(file as string).trimEnd());
    expect((quoted as string).split('\n').filter((line) => line.trim() !== '').length).toBeLessThanOrEqual(24);
  });

  it('quote examples word for word', () => {
    const quotes = documents.flatMap((document) =>
      [...read(document).matchAll(/<!-- (examples\/\S+) -->\n```ts\n([\s\S]*?)\n```/g)].map(([, file, quoted]) => ({
        document,
        file: file as string,
        isIn: read(file as string).includes(quoted as string),
      })),
    );
    expect(quotes.length).toBeGreaterThan(1);
    expect(quotes.filter(({ isIn }) => !isIn)).toEqual([]);
  });

  it('link only to files that exist', () => {
    const broken = documents.flatMap((document) =>
      [...read(document).matchAll(/\]\((?!https?:|#)([^)#]+)/g)]
        .map(([, target]) => join(dirname(document), target as string))
        .filter((target) => !existsSync(join(root, target))),
    );
    expect(broken).toEqual([]);
  });

  it('name only npm scripts that exist', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const named = documents.flatMap((document) =>
      [...read(document).matchAll(/npm run ([\w:-]+)/g)].map(([, name]) => name as string),
    );
    expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
  });

  it('say of core the packages and commands that a contributor finds', () => {
    expect(read('CONTRIBUTING.md').split('\n').length).toBeLessThanOrEqual(100);
  });
});
