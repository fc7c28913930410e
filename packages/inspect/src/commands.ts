/**
 * The commands as data: parsing, help and the page docs/cli.md all follow this one table.
 *
 * What a command does is loaded when it is run, so that help costs nothing but its own text.
 */
import type { Terminal } from './terminal.ts';

/** An option with the name of its value in brackets takes one: `format: '<format>'`. */
export interface Option {
  readonly value: string | undefined;
  readonly says: string;
  /** The only values that are accepted. @default any */
  readonly oneOf?: readonly string[];
}

/** What somebody asked for, as far as a command has to know it. */
export interface Request {
  readonly args: readonly string[];
  readonly json: boolean;
  readonly format: string | undefined;
  readonly export: string | undefined;
  readonly token: string | undefined;
  readonly dump: string | undefined;
  readonly otherToken: string | undefined;
  readonly method: string | undefined;
  readonly data: string | undefined;
  readonly only: string | undefined;
  readonly cluster: boolean;
  readonly run: string | undefined;
  readonly inspect: string | undefined;
}

/** The exit code; `undefined` when the process goes on. */
export type Run = (request: Request, terminal: Terminal) => Promise<number | undefined>;

export interface Command {
  /** The last one may stand in square brackets: then there may be any number of it, or none. */
  readonly args: readonly string[];
  /** One line, for the list of commands. */
  readonly says: string;
  /** What else one has to know. */
  readonly more: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly exits: readonly (readonly [code: string, meaning: string])[];
  readonly example: string;
  readonly load: () => Promise<Run>;
}

const TROUBLE = ['2', 'the command could not be carried out: misuse, a missing file, an entry that throws'] as const;

/** Understood by every command. */
export const COMMON: Readonly<Record<string, Option>> = {
  json: { value: undefined, says: 'print one JSON object as the last line of stdout' },
  debug: { value: undefined, says: 'show the stack of an error' },
  help: { value: undefined, says: 'show this' },
};

const EXPORT: Option = { value: '<name>', says: 'the export of the entry that is the app, or that makes it' };
const TOKEN: Option = {
  value: '<token>',
  says: 'for the address of an app that asks for one; MUSTER_TOKEN does the same',
};

export const COMMANDS: Readonly<Record<string, Command>> = {
  check: {
    args: ['<entry>'],
    says: 'Validates the graph of an app and starts nothing.',
    more: 'Reports all problems at once, each with its place and what to do, and whether the written times fit the budgets.',
    options: { export: EXPORT },
    exits: [['0', 'the graph is sound'], ['1', 'it has problems'], TROUBLE],
    example: 'muster check src/app.ts',
    load: async () => (await import('./commands/check.ts')).check,
  },
  graph: {
    args: ['<source>', '[source…]'],
    says: 'Shows the graph as text, JSON, Mermaid or DOT.',
    more: 'Of an entry it shows the plan; of a dump or a running app what is up. Several sources are instances, shown as one.',
    options: {
      cluster: { value: undefined, says: 'of all instances of the running app as one' },
      format: { value: '<format>', says: 'text, json, mermaid or dot', oneOf: ['text', 'json', 'mermaid', 'dot'] },
      export: EXPORT,
      token: TOKEN,
    },
    exits: [['0', 'shown, also where the graph has problems'], TROUBLE],
    example: 'muster graph http://127.0.0.1:9464 --format mermaid',
    load: async () => (await import('./commands/graph.ts')).graph,
  },
  explain: {
    args: ['<source>', '<name>'],
    says: 'Says of one service why it is up or not, and what to do.',
    more: 'The name is an id of the graph, or the name of a token.',
    options: { export: EXPORT, token: TOKEN },
    exits: [['0', 'explained'], TROUBLE],
    example: 'muster explain http://127.0.0.1:9464 Database',
    load: async () => (await import('./commands/explain.ts')).explainNode,
  },
  diff: {
    args: ['<before>', '<after>'],
    says: 'Compares two graphs: what came and went, and what got slower.',
    more: 'Both are sources. Shown, and no difference: the time of a boot, and a critical path that one of them has not.',
    options: {
      format: { value: '<format>', says: 'text or html, one page that needs nothing else', oneOf: ['text', 'html'] },
      export: EXPORT,
      token: TOKEN,
    },
    exits: [['0', 'no difference'], ['1', 'they are different'], TROUBLE],
    example: 'muster diff before.json src/app.ts',
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  events: {
    args: ['<address>'],
    says: 'Shows what happens in a running app, or the events of one run and the sockets that got them.',
    more: 'The address is that of its inspector. It goes on until the run or the app has ended, or Ctrl-C.',
    options: { run: { value: '<id>', says: 'the run whose events are shown' }, token: TOKEN },
    exits: [['0', 'shown to its end'], TROUBLE],
    example: 'muster events http://127.0.0.1:9464 --run 0b4e…',
    load: async () => (await import('./commands/events.ts')).events,
  },
  start: {
    args: ['<entry>'],
    says: 'Starts an app and shows its boot; SIGINT and SIGTERM stop it in order.',
    more: 'With --json the boot is shown on stderr. LOG_FORMAT=json prints each event of the app as a line of JSON instead.',
    options: {
      export: EXPORT,
      dump: { value: '<file>', says: 'write the graph there when the boot has ended, well or not' },
      inspect: {
        value: '<port>',
        says: 'show the app on a page at that port until Ctrl-C, also when it failed or is idle',
      },
    },
    exits: [
      ['0', 'stopped in order'],
      ['1', 'the boot failed'],
      ['2', 'there was nothing that could be started: misuse, a missing file, an entry that throws'],
      ['70', 'a required service died for good'],
      ['75', 'ended by a second signal, or something did not stop in time'],
    ],
    example: 'muster start src/app.ts',
    load: async () => (await import('./commands/start.ts')).start,
  },
  conformance: {
    args: ['<target>', '[command…]'],
    says: 'Tries a server or a client of any origin against the points of the protocol.',
    more: 'The target is the ws:// or wss:// address of a server, or the word client with -- and its command behind it.',
    options: {
      token: { value: '<token>', says: 'that the server accepts; MUSTER_TOKEN does the same' },
      'other-token': { value: '<token>', says: 'of another user, for the points that need two' },
      method: { value: '<name>', says: 'a method that starts a run on a thread; run by default' },
      data: { value: '<json>', says: 'its data, but for the thread; {"text":"conformance"} by default' },
      only: { value: '<points>', says: 'the points to try, as P5,P6.4' },
    },
    exits: [['0', 'every point that can be seen has passed'], ['1', 'a point has failed'], TROUBLE],
    example: 'muster conformance ws://127.0.0.1:3000/ws --token t --only P5,P6.4',
    load: async () => (await import('./commands/conformance.ts')).conformance,
  },
};
