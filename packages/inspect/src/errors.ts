/** The error catalogue of `@muster/inspect`: everything that the command line refuses, in words. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

const nearText = (near: readonly string[]): string => (near.length > 0 ? `; near names: ${near.join(', ')}` : '');
const placeText = (place: string | null): string => (place === null ? '' : ` (${place})`);

export const INSPECT_ERRORS = {
  COMMAND_UNKNOWN: {
    message: (d) => `There is no command ${d.command}${nearText(d.near)}.`,
    hint: '"muster help" lists the commands.',
    fatal: true,
  } satisfies ErrorEntry<{ command: string; near: readonly string[] }>,
  OPTION_UNKNOWN: {
    message: (d) => `${d.command} has no option ${d.option}${nearText(d.near)}.`,
    hint: '--help behind a command lists its options.',
    fatal: true,
  } satisfies ErrorEntry<{ command: string; option: string; near: readonly string[] }>,
  OPTION_MISUSED: {
    message: (d) => `${d.option} takes ${d.expected}, and got ${d.got}.`,
    hint: '--help behind a command shows how its options are written.',
    fatal: true,
  } satisfies ErrorEntry<{ option: string; expected: string; got: string }>,
  ARGUMENTS_WRONG: {
    message: (d) => `${d.problem}. Usage: ${d.usage}.`,
    hint: '--help behind a command explains its arguments.',
    fatal: true,
  } satisfies ErrorEntry<{ problem: string; usage: string }>,
  FILE_MISSING: {
    message: (d) => `There is no file ${d.file}${nearText(d.near)}.`,
    hint: 'Check the path; it is read from the directory in which the command runs.',
    fatal: true,
  } satisfies ErrorEntry<{ file: string; near: readonly string[] }>,
  FILE_UNREADABLE: {
    message: (d) => `${d.file} cannot be read: ${d.reason}.`,
    hint: 'Name a module that exports an app (.ts, .js and their like), or a dump (.json).',
    fatal: true,
  } satisfies ErrorEntry<{ file: string; reason: string }>,
  FILE_UNWRITABLE: {
    message: (d) => `${d.file} cannot be written: ${d.reason}.`,
    hint: 'Name a file in a directory that exists and that you may write to; nothing was started.',
    fatal: true,
  } satisfies ErrorEntry<{ file: string; reason: string }>,
  NO_ENTRY: {
    message: (d) => `${d.command} needs the module that makes the app, and ${d.source} is ${d.got}.`,
    hint: '"muster graph" and "muster explain" read dumps and running apps as well.',
    fatal: true,
  } satisfies ErrorEntry<{ command: string; source: string; got: string }>,
  NO_DUMP: {
    message: (d) =>
      `${d.source} is no dump of the format muster.graph/1: ${d.problem}${d.path === '' ? '' : ` (at ${d.path})`}.`,
    hint: 'Make one with "muster graph <entry> --format json", or fetch /muster/graph.json of a running app\'s inspector.',
    fatal: true,
  } satisfies ErrorEntry<{ source: string; problem: string; path: string }>,
  INSPECT_PORT: {
    message: (d) => `The inspector cannot listen on ${d.address}: ${d.reason}. The app goes on without it.`,
    hint: 'Choose another port with inspector({ port }); 0 takes any that is free.',
  } satisfies ErrorEntry<{ address: string; reason: string }>,
  INSPECT_UNGUARDED: {
    message: (d) => `The inspector would show the app to everybody who can reach ${d.host}.`,
    hint: 'Give it a token with inspector({ host, token }), or leave it on 127.0.0.1 and use a tunnel.',
    fatal: true,
  } satisfies ErrorEntry<{ host: string }>,
  URL_UNREACHABLE: {
    message: (d) => `${d.url} does not answer: ${d.reason}.`,
    hint: 'Check host and port: an app with an inspector shows the address of that when it boots.',
  } satisfies ErrorEntry<{ url: string; reason: string }>,
  URL_REFUSED: {
    message: (d) => `${d.url} answered with status ${d.status}, and asks for a token that it accepts.`,
    hint: 'Pass the token of the inspector with --token or in MUSTER_TOKEN, and ask under a name that it knows.',
    fatal: true,
  } satisfies ErrorEntry<{ url: string; status: number }>,
  URL_WITHOUT_DUMP: {
    message: (d) => `${d.url} answered with status ${d.status} and no dump.`,
    hint: 'Name the address of the inspector, as http://host:port.',
    fatal: true,
  } satisfies ErrorEntry<{ url: string; status: number }>,
  RUN_UNKNOWN: {
    message: (d) => `Nobody knows a run ${d.run} at ${d.address}.`,
    hint: 'Name an inspector and one of the latest runs; where instances share a store, each tells of those of all.',
    fatal: true,
  } satisfies ErrorEntry<{ run: string; address: string }>,
  ENTRY_BROKEN: {
    message: (d) => `${d.entry} could not be compiled.\n${d.problems.map((problem) => `  - ${problem}`).join('\n')}.`,
    hint: 'Mend what is listed; nothing of the entry was run.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; problems: readonly string[] }>,
  ENTRY_FAILED: {
    message: (d) => `${d.entry} threw while it was loaded${placeText(d.place)}: ${d.reason}.`,
    hint: 'A module that makes an app only declares; move what can fail into start() of a service. --debug shows the stack.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; place: string | null; reason: string }>,
  ENTRY_EMPTY: {
    message: (d) => `${d.entry} exports nothing, so it was not run.`,
    hint: 'Export the app, or a function that makes it, and leave runApp() to another module, or to "muster start".',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string }>,
  ENTRY_WITHOUT_APP: {
    message: (d) => `${d.entry} exports no app: only ${d.exports.length > 0 ? d.exports.join(', ') : 'nothing'}.`,
    hint: 'Export what createApp() returns, or one function that returns it; --export <name> calls a certain one.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; exports: readonly string[] }>,
  ENTRY_AMBIGUOUS: {
    message: (d) => `${d.entry} exports ${d.candidates.join(' and ')}, and which one is meant cannot be guessed.`,
    hint: 'Choose with --export <name>, or make one of them the default export.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; candidates: readonly string[] }>,
  ENTRY_STARTED: {
    message: (d) => `${d.entry} starts its app itself: it was ${d.state} as soon as the module was loaded.`,
    hint: 'Export the app from a module that does not start it, and call runApp() in another one.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; state: string }>,
  ENTRY_STUCK: {
    message: (d) => `${d.what} waits for something that never comes.`,
    hint: 'Look for an await at the top level, or in the function that makes the app, whose promise nobody settles.',
    fatal: true,
  } satisfies ErrorEntry<{ what: string }>,
  ENTRY_EXITED: {
    message: (d) => `${d.what} ended the process, with exit code ${d.code}.`,
    hint: 'Look for process.exit() in it: a module that makes an app throws when it cannot, and starts nothing.',
    fatal: true,
  } satisfies ErrorEntry<{ what: string; code: number }>,
  EXPORT_UNKNOWN: {
    message: (d) => `${d.entry} has no export ${d.export}${nearText(d.near)}.`,
    hint: '--export takes the name of an export of the entry.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; export: string; near: readonly string[] }>,
  EXPORT_NO_APP: {
    message: (d) => `${d.export} of ${d.entry} is no app: it is ${d.got}.`,
    hint: 'Export what createApp() returns, or a function that returns it without being given anything.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; export: string; got: string }>,
  MAKER_FAILED: {
    message: (d) => `${d.export}() of ${d.entry} threw${placeText(d.place)}: ${d.reason}.`,
    hint: 'It is called without arguments; export a function that needs none. --debug shows the stack.',
    fatal: true,
  } satisfies ErrorEntry<{ entry: string; export: string; place: string | null; reason: string }>,
  CLIENT_NOT_STARTED: {
    message: (d) => `The client could not be started with ${d.command}: ${d.reason}.`,
    hint: 'Write the command of the client behind --, as in "muster conformance client -- node client.js".',
    fatal: true,
  } satisfies ErrorEntry<{ command: string; reason: string }>,
  INSPECT_FAILED: {
    message: (d) => `The command failed: ${d.reason}.`,
    hint: 'This is a bug in @muster/inspect; run it again with --debug and report what it shows.',
    fatal: true,
  } satisfies ErrorEntry<{ reason: string }>,
} as const;

/** Makes an error of this catalogue. */
export const inspectError = errorsFrom(INSPECT_ERRORS);
