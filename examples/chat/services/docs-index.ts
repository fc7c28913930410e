/**
 * A full-text index over this repository's own documentation and examples, built at start.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { type Health, healthy, type Service, service, type StartContext, token, unhealthy } from '@muster/core';
import MiniSearch from 'minisearch';

/** The directory whose documentation is indexed. */
export const DocsRoot = token<string>('DocsRoot');

/** A piece of a file that answers may quote. */
export interface Passage {
  readonly id: number;
  /** Path from the root, with `/`. */
  readonly file: string;
  readonly heading: string;
  readonly text: string;
}

/** What is read below the root. */
const DIRECTORIES = ['docs', 'examples'] as const;
const ALSO = 'README.md';

@service({ dependsOn: [DocsRoot] })
export class DocsIndex implements Service {
  readonly #root: string;
  #passages: Passage[] = [];
  #index = newIndex();

  constructor(root: string) {
    this.#root = root;
  }

  async start(ctx: StartContext): Promise<void> {
    const found = await Promise.all(DIRECTORIES.map((directory) => this.#files(directory)));
    const files = [ALSO, ...found.flat()].sort();
    ctx.progress(`indexing ${files.length} files`);
    const texts = await Promise.all(files.map((file) => readFile(join(this.#root, file), 'utf8')));
    this.#passages = files
      .flatMap((file, index) => split(file, texts[index] as string))
      .map((passage, id) => ({ ...passage, id }));
    this.#index = newIndex();
    this.#index.addAll(this.#passages);
  }

  check(): Health {
    return this.#passages.length > 0 ? healthy : unhealthy('the index is empty');
  }

  /** The best passages for `query`, the best first. */
  search(query: string, limit: number): readonly Passage[] {
    return this.#index
      .search(query, {
        prefix: (term) => term.length > 3,
        fuzzy: (term) => (term.length > 5 ? 0.2 : 0),
        boost: { heading: 2.5 },
      })
      .slice(0, limit)
      .map(({ id }) => this.#passages[id as number] as Passage);
  }

  async #files(directory: string): Promise<string[]> {
    const entries = await readdir(join(this.#root, directory), { withFileTypes: true, recursive: true }).catch(
      (cause: unknown) => {
        throw Object.assign(new Error(`there is no documentation in ${join(this.#root, directory)}`, { cause }), {
          fatal: true,
          hint: 'Start the chat in a checkout of the repository: it answers from docs/ and examples/.',
        });
      },
    );
    return entries
      .filter((entry) => entry.isFile() && /\.(md|ts)$/.test(entry.name))
      .map((entry) => relative(this.#root, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
      .filter((file) => !/(^|\/)(node_modules|dist)\//.test(file));
  }
}

function newIndex(): MiniSearch<Passage> {
  return new MiniSearch<Passage>({
    fields: ['heading', 'text', 'file'],
    processTerm: (term) =>
      STOP_WORDS.has(term.toLowerCase()) ? null : term.toLowerCase().replace(/(?<=..)(es|s)$/, ''),
  });
}

const STOP_WORDS = new Set(
  'a an and are as at be by can do does for from how i in is it of on or that the this to was what when where which who why will with you'.split(
    ' ',
  ),
);

/** Splits Markdown at its headings; a source file is one passage, headed by its first comment. */
function split(file: string, text: string): Omit<Passage, 'id'>[] {
  if (!file.endsWith('.md')) {
    const comment =
      /\/\*\*([\s\S]*?)\*\//
        .exec(text)?.[1]
        ?.replace(/^\s*\* ?/gm, '')
        .trim() ?? '';
    return comment === '' ? [] : [{ file, heading: file, text: comment }];
  }
  const prose = text.replace(/```[\s\S]*?```/g, '');
  return prose
    .split(/^(?=#{1,4} )/m)
    .map((section) => {
      const [first = '', ...rest] = section.split('\n');
      return { file, heading: first.replace(/^#+ /, '').trim(), text: rest.join('\n').trim() };
    })
    .filter((passage) => passage.text !== '');
}
