/**
 * Reads the command line: which command, with which arguments and options, or which help.
 *
 * Nothing is ignored: what a command does not know is refused, with what may have been meant.
 */
import { parseArgs } from 'node:util';
import { COMMANDS, COMMON, type Command, type Option, type Request } from './commands.ts';
import { inspectError } from './errors.ts';
import { usageOf } from './help.ts';
import { nearest } from '@muster/core/graph';

/** What is to be done. */
export type Wish =
  | { readonly kind: 'version' }
  | { readonly kind: 'help'; readonly about: string | undefined }
  | { readonly kind: 'run'; readonly command: Command; readonly request: Request };

/** Beside the commands; it has no options of its own. */
const HELP = 'help';

/**
 * @throws MusterError `COMMAND_UNKNOWN` or `OPTION_UNKNOWN` with near names.
 * @throws MusterError `OPTION_MISUSED` when an option lacks its value or has a wrong one.
 * @throws MusterError `ARGUMENTS_WRONG` when there are too few or too many of them.
 */
export function readArguments(argv: readonly string[]): Wish {
  const { positionals, options } = split(argv);
  const [name, ...args] = positionals;
  if (options.some(({ name }) => name === 'version')) return { kind: 'version' };
  const helps = name === undefined || name === HELP || options.some(({ name }) => name === 'help');
  if (helps) {
    const about = name === HELP ? args[0] : name;
    if (about !== undefined && about !== HELP) commandOf(about);
    const unknown = name === undefined ? options.find((option) => !Object.hasOwn(COMMON, option.name)) : undefined;
    if (unknown !== undefined) throw unknownOption('muster', unknown, COMMON);
    return { kind: 'help', about: about === HELP ? undefined : about };
  }
  const command = commandOf(name);
  const values = valuesOf(name, command, options);
  checkCount(name, command, args);
  if (values['json'] !== undefined && (values['format'] ?? 'json') !== 'json')
    throw inspectError('OPTION_MISUSED', {
      option: '--json',
      expected: 'no other --format',
      got: String(values['format']),
    });
  const textOf = (option: string): string | undefined => {
    const value = values[option];
    return value === true ? undefined : value;
  };
  const request: Request = {
    args,
    json: values['json'] === true,
    format: textOf('format'),
    export: textOf('export'),
    token: textOf('token'),
    dump: textOf('dump'),
    otherToken: textOf('other-token'),
    method: textOf('method'),
    data: textOf('data'),
    only: textOf('only'),
    cluster: values['cluster'] === true,
    run: textOf('run'),
    inspect: textOf('inspect'),
  };
  return { kind: 'run', command, request };
}

interface Given {
  readonly name: string;
  /** As it was written. */
  readonly raw: string;
  readonly value: string | undefined;
}

/** Every option that any command has, because the command may stand behind its options. */
function split(argv: readonly string[]): { positionals: string[]; options: Given[] } {
  const all: Record<string, Option> = Object.assign({}, COMMON, ...Object.values(COMMANDS).map((c) => c.options));
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: {
      ...Object.fromEntries(
        Object.entries(all).map(([name, { value }]) => [name, { type: value === undefined ? 'boolean' : 'string' }]),
      ),
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean', short: 'v' },
    },
  });
  return {
    positionals: tokens.flatMap((token) => (token.kind === 'positional' ? [token.value] : [])),
    options: tokens.flatMap((token) =>
      token.kind === 'option' ? [{ name: token.name, raw: token.rawName, value: token.value }] : [],
    ),
  };
}

function commandOf(name: string): Command {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (command !== undefined) return command;
  throw inspectError('COMMAND_UNKNOWN', { command: name, near: nearest(name, [...Object.keys(COMMANDS), HELP]) });
}

function unknownOption(command: string, { name, raw }: Given, known: Readonly<Record<string, Option>>): Error {
  const near = nearest(name, Object.keys(known)).map((each) => `--${each}`);
  return inspectError('OPTION_UNKNOWN', { command, option: raw, near });
}

/** The last one wins, as everywhere. */
function valuesOf(name: string, command: Command, options: readonly Given[]): Record<string, string | true> {
  const known = { ...command.options, ...COMMON };
  const values: Record<string, string | true> = {};
  for (const given of options) {
    const option = Object.hasOwn(known, given.name) ? known[given.name] : undefined;
    if (option === undefined) throw unknownOption(`muster ${name}`, given, known);
    values[given.name] = given.value ?? true;
    const expected = expectedOf(option, given.value);
    if (expected !== undefined)
      throw inspectError('OPTION_MISUSED', { option: given.raw, expected, got: given.value ?? 'none' });
  }
  return values;
}

/** What should have been given; `undefined` where it was. */
function expectedOf({ value, oneOf, says }: Option, given: string | undefined): string | undefined {
  if (value === undefined) return given === undefined ? undefined : 'no value';
  if (oneOf !== undefined) return given !== undefined && oneOf.includes(given) ? undefined : says;
  return given === undefined || given === '' ? `a value, ${value}` : undefined;
}

function checkCount(name: string, command: Command, args: readonly string[]): void {
  const hasRest = command.args.at(-1)?.startsWith('[') === true;
  const needed = hasRest ? command.args.slice(0, -1) : command.args;
  const missing = needed[args.length];
  const surplus = hasRest ? undefined : args[needed.length];
  const problem =
    missing !== undefined
      ? `${missing} is missing`
      : surplus !== undefined
        ? `${surplus} is one argument too many`
        : undefined;
  if (problem !== undefined) throw inspectError('ARGUMENTS_WRONG', { problem, usage: usageOf(name, command) });
}
