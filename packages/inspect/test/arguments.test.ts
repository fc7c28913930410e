/** What is read from a command line, and what is refused. */
import { describe, expect, it } from '@jest/globals';
import { nearest } from '@muster/core/graph';
import { readArguments } from '../src/arguments.ts';
import { COMMANDS } from '../src/commands.ts';
import { helpText } from '../src/help.ts';

const read = (line: string) => readArguments(line.split(' ').filter((word) => word !== ''));
const refusal = (line: string): unknown => {
  try {
    return read(line);
  } catch (error) {
    return error;
  }
};

describe('readArguments', () => {
  it('reads command, arguments and options in any order', () => {
    const asked = { kind: 'run', command: COMMANDS['explain'] };
    for (const line of [
      'explain app.ts Database --export make --json --token=t',
      '--json --token t explain --export=make app.ts Database',
      'explain --json --token t --export make -- app.ts Database',
    ]) {
      expect(read(line)).toMatchObject({
        ...asked,
        request: { args: ['app.ts', 'Database'], json: true, export: 'make', token: 't', format: undefined },
      });
    }
  });

  it('takes what stands behind -- as it is', () => {
    expect(read('check -- --odd-name.ts')).toMatchObject({ request: { args: ['--odd-name.ts'], json: false } });
  });

  it('leaves the words of another command behind -- to that command', () => {
    expect(read('conformance client --only P5 -- node driver.js --json')).toMatchObject({
      request: { args: ['client', 'node', 'driver.js', '--json'], json: false, only: 'P5' },
    });
    expect(read('conformance ws://h/ws --other-token b')).toMatchObject({
      request: { args: ['ws://h/ws'], otherToken: 'b' },
    });
    expect(refusal('conformance')).toMatchObject({
      code: 'ARGUMENTS_WRONG',
      details: { problem: '<target> is missing' },
    });
  });

  it('asks for help in every way in which people do, whatever else stands there', () => {
    for (const line of ['', 'help', '--help', '-h', 'help help']) {
      expect(read(line)).toEqual({ kind: 'help', about: undefined });
    }
    for (const line of [
      'help graph',
      'graph --help',
      'graph -h',
      '--help graph',
      'graph a b c --help',
      'graph --nope --help',
    ])
      expect(read(line)).toEqual({ kind: 'help', about: 'graph' });
    for (const line of ['--version', '-v', 'check --version']) expect(read(line)).toEqual({ kind: 'version' });
  });

  it.each([
    ['chekc app.ts', 'COMMAND_UNKNOWN', { command: 'chekc', near: ['check'] }],
    ['help grph', 'COMMAND_UNKNOWN', { command: 'grph', near: ['graph'] }],
    ['nonsense --help', 'COMMAND_UNKNOWN', { command: 'nonsense', near: [] }],
    ['constructor', 'COMMAND_UNKNOWN', { command: 'constructor', near: [] }],
    ['graph app.ts --fromat dot', 'OPTION_UNKNOWN', { option: '--fromat', near: ['--format'] }],
    ['check app.ts --format dot', 'OPTION_UNKNOWN', { command: 'muster check', option: '--format' }],
    ['check app.ts --toString', 'OPTION_UNKNOWN', { option: '--toString', near: [] }],
    ['check app.ts -x', 'OPTION_UNKNOWN', { option: '-x', near: [] }],
    ['--nope', 'OPTION_UNKNOWN', { command: 'muster', option: '--nope', near: [] }],
    ['graph app.ts --format yaml', 'OPTION_MISUSED', { option: '--format', got: 'yaml' }],
    ['graph app.ts --format', 'OPTION_MISUSED', { option: '--format', got: 'none' }],
    ['check app.ts --export', 'OPTION_MISUSED', { option: '--export', expected: 'a value, <name>' }],
    ['check app.ts --export=', 'OPTION_MISUSED', { option: '--export' }],
    ['check app.ts --json=yes', 'OPTION_MISUSED', { option: '--json', expected: 'no value', got: 'yes' }],
    ['graph app.ts --json --format dot', 'OPTION_MISUSED', { option: '--json', got: 'dot' }],
    ['check', 'ARGUMENTS_WRONG', { problem: '<entry> is missing', usage: 'muster check <entry> [options]' }],
    ['explain app.ts', 'ARGUMENTS_WRONG', { problem: '<name> is missing' }],
    ['check a.ts b.ts', 'ARGUMENTS_WRONG', { problem: 'b.ts is one argument too many' }],
  ])('refuses "%s" with %s', (line, code, details) => {
    expect(refusal(line)).toMatchObject({ code, details });
  });

  it('has help for every command, with its arguments, options and exit codes', () => {
    const overview = helpText(undefined);
    for (const [name, { args, options, exits, says }] of Object.entries(COMMANDS)) {
      expect(overview).toContain(says);
      const text = helpText(name);
      for (const part of [`muster ${[name, ...args].join(' ')}`, ...Object.keys(options).map((each) => `--${each}`)])
        expect(text).toContain(part);
      for (const [code, meaning] of exits) expect(text).toMatch(new RegExp(`^  ${code.padEnd(2)} *${meaning}$`, 'm'));
      expect(text.split('\n').filter((line) => line.length > 120)).toEqual([]);
    }
  });
});

describe('nearest', () => {
  it('finds what was misspelled or begun, the nearest first, and nothing far away', () => {
    const files = ['app.ts', 'apps.ts', 'muster.app.ts', 'README.md'];
    expect(nearest('ap.ts', files)).toEqual(['app.ts', 'apps.ts']);
    expect(nearest('muster.app', files)).toEqual(['muster.app.ts']);
    expect(nearest('database.ts', files)).toEqual([]);
  });
});
