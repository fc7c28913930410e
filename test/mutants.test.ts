/** Every mutant fits: it replaces what stands in its source, and the test that has to notice it is there. */
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { eventLogConformance, keyValueStoreConformance } from '@muster/core/testing';
import { root } from './journeys/process.ts';

interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly find: string;
}

/** One that is tried by a test. */
interface TestedMutant extends Mutant {
  readonly test: string;
  /** What its title is searched for, as `-t` of Jest does. */
  readonly only: string;
}

const read = (file: string): string => readFileSync(`${root}/${file}`, 'utf8');

async function mutantsIn<M extends Mutant>(file: string): Promise<readonly M[]> {
  const { MUTANTS } = (await import(`${root}/${file}`)) as { MUTANTS: readonly M[] };
  return MUTANTS;
}

const ofPorts = await mutantsIn<TestedMutant>('packages/nats/test/mutants.mjs');
const ofConnections = await mutantsIn<TestedMutant>('packages/server/test/mutants.mjs');
const ofInspector = await mutantsIn<TestedMutant>('packages/inspect/test/mutants.mjs');

/** A test or a group of them, and the table of one that is there for each row: a list in the file, or the cases of a port. */
const TEST =
  /\b(?:it|describe)(?:\.each(?:<[\s\S]*?>)?\((?<table>[\s\S]*?)\))?\(\s*(?<quote>['"`])(?<title>(?:\\.|(?!\k<quote>)[\s\S])*)\k<quote>/g;
const STRING = /(?<quote>['"])(?<text>(?:\\.|(?!\k<quote>).)*)\k<quote>/g;
const CASES = [...eventLogConformance(), ...keyValueStoreConformance()].map(({ name }) => name);

/** Titles of the tests in a file, and of their groups; one that is there for each row stands here with every text that a row has. */
function titlesIn(source: string): string[] {
  return [...source.matchAll(TEST)].flatMap(({ groups = {} }) => {
    const { table = '', title = '' } = groups;
    const texts = [...table.matchAll(STRING)].map((found) => found.groups?.['text'] ?? '');
    return [title, ...[...texts, ...CASES].map((text) => title.replace(/%[sdi]|\$\w+/, () => text))];
  });
}

describe.each<[string, readonly Mutant[]]>([
  ['the engine', await mutantsIn('test/sim/mutants.mjs')],
  ['a cluster', await mutantsIn('test/sim/cluster/mutants.mjs')],
  ['runs', await mutantsIn('test/faults/mutants.mjs')],
  ['the ports on NATS', ofPorts],
  ['connections', ofConnections],
  ['the inspector', ofInspector],
])('mutants of %s', (_, mutants) => {
  it('have names of their own', () => {
    expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
  });

  it.each(mutants.map(({ name, file, find }) => [name, file, find]))('fit the source: %s', (_name, file, find) => {
    expect(read(file).split(find)).toHaveLength(2);
  });
});

describe.each<[string, readonly TestedMutant[]]>([
  ['the ports on NATS', ofPorts],
  ['connections', ofConnections],
  ['the inspector', ofInspector],
])('mutants of %s', (_, mutants) => {
  it('name tests that there are', () => {
    const files = [...new Set(mutants.map(({ test }) => test))];
    expect(files.filter((file) => !existsSync(`${root}/${file}`))).toEqual([]);
    const titles = new Map(files.map((file) => [file, titlesIn(read(file))]));
    const isThere = ({ test, only }: TestedMutant): boolean =>
      titles.get(test)?.some((title) => new RegExp(only).test(title)) ?? false;
    expect(mutants.filter((mutant) => !isThere(mutant)).map(({ test, only }) => [test, only])).toEqual([]);
  });
});
