/** The help texts, made from the table of commands, so that they cannot say anything else than what is done. */
import { COMMANDS, COMMON, type Command, type Option } from './commands.ts';

/** `muster graph <source> [options]`. */
export function usageOf(name: string, { args }: Command): string {
  return ['muster', name, ...args, '[options]'].join(' ');
}

/** The help about everything, or about one command; ends with a newline. */
export function helpText(about: string | undefined): string {
  const command = about === undefined ? undefined : COMMANDS[about];
  return about === undefined || command === undefined ? overview() : helpOf(about, command);
}

const NOTIONS = [
  'An entry is a module that exports an app or a function that makes one; TypeScript is compiled on the fly.',
  'A source is an entry, a .json file with a dump, or the http:// or https:// address of a running app.',
];

function overview(): string {
  const commands = Object.entries(COMMANDS).map(([name, { args, says }]): Row => [[name, ...args].join(' '), says]);
  return text([
    'Looks at an app made with Muster, and starts it.',
    '',
    'Usage: muster <command> [options]',
    '',
    ...rows([...commands, ['help <command>', 'Says more about one command, as <command> --help does.']]),
    '',
    ...NOTIONS,
    '',
    ...rows([...optionRows(COMMON), ['--version', 'show the version']]),
  ]);
}

function helpOf(name: string, command: Command): string {
  const { args, says, more, options, exits, example } = command;
  const [entry, source] = NOTIONS as [string, string];
  return text([
    says,
    more,
    '',
    `Usage: ${usageOf(name, command)}`,
    '',
    ...(args.includes('<entry>') ? [entry, ''] : args.includes('<target>') ? [] : [entry, source, '']),
    'Options',
    ...rows(optionRows({ ...options, ...COMMON })),
    '',
    'Exit codes',
    ...rows(exits),
    '',
    `Example: ${example}`,
  ]);
}

type Row = readonly [string, string];

function optionRows(options: Readonly<Record<string, Option>>): Row[] {
  return Object.entries(options).map(([name, { value, says }]) => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    says,
  ]);
}

function rows(rows: readonly Row[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}

function text(lines: readonly string[]): string {
  return `${lines.join('\n')}\n`;
}
