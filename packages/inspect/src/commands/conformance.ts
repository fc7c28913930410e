/** `muster conformance`: does a server, or a client, whoever wrote it, do what docs/protocol.md says? */
import type { Request } from '../commands.ts';
import { isWanted, type Outcome } from '../conformance/judge.ts';
import { reportData, reportText } from '../conformance/report.ts';
import { inspectError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { Terminal } from '../terminal.ts';

const USAGE =
  'muster conformance <url> --token <token> [options], or muster conformance client [options] -- <command…>';

export async function conformance(request: Request, terminal: Terminal): Promise<number> {
  const [target, ...command] = request.args as [string, ...string[]];
  const outcomes = target === 'client' ? await ofClient(command, request) : await ofServer(target, command, request);
  const isGood = outcomes.every(({ verdict }) => verdict !== 'failed');
  if (request.json) terminal.printJson(reportData(outcomes));
  else terminal.print(reportText(target === 'client' ? command.join(' ') : target, outcomes));
  return isGood ? EXIT.good : EXIT.bad;
}

async function ofServer(url: string, command: readonly string[], request: Request): Promise<Outcome[]> {
  const { otherToken, method } = request;
  if (command.length > 0) throw misused(`${command[0]} is one argument too many`);
  if (!/^wss?:\/\//.test(url) || !URL.canParse(url))
    throw misused(`${url} is neither the word client nor a ws:// or wss:// address`);
  const token = request.token ?? process.env['MUSTER_TOKEN'];
  if (token === undefined || token === '') throw misused('--token is missing');
  const { tryServer } = await import('../conformance/try-server.ts');
  const { NOT_VISIBLE, SERVER_CHECKS } = await import('../conformance/points/points.ts');
  const points = [...SERVER_CHECKS.map(({ point }) => point), ...Object.keys(NOT_VISIBLE)];
  const only = onlyOf(request.only, points);
  return tryServer({ url, token, otherToken, method, data: dataOf(request.data) }, only);
}

async function ofClient(command: readonly string[], request: Request): Promise<Outcome[]> {
  if (command.length === 0) throw misused('the command of the client is missing');
  const { CLIENT_CHECKS, tryClient } = await import('../conformance/try-client.ts');
  const only = onlyOf(
    request.only,
    CLIENT_CHECKS.map(({ point }) => point),
  );
  return tryClient({ command }, only);
}

function misused(problem: string): Error {
  return inspectError('ARGUMENTS_WRONG', { problem, usage: USAGE });
}

/** A misspelled point must not pass as nothing that failed. */
function onlyOf(text: string | undefined, points: readonly string[]): string[] {
  const only = text?.split(',').map((each) => each.trim()) ?? [];
  const unknown = only.find((each) => !points.some((point) => isWanted(point, [each])));
  if (unknown === undefined) return only;
  throw inspectError('OPTION_MISUSED', {
    option: '--only',
    expected: 'points that can be tried, as P5,P6.4',
    got: unknown,
  });
}

function dataOf(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const data = JSON.parse(text) as unknown;
    if (typeof data === 'object' && data !== null && !Array.isArray(data)) return data as Record<string, unknown>;
  } catch {
    // Told below, like any other that is no object.
  }
  throw inspectError('OPTION_MISUSED', { option: '--data', expected: 'a JSON object', got: text });
}
