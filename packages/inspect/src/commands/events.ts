/** `muster events`: what happens in a running app, or the events of one run with the sockets that got them, as it happens. */
import { MusterError } from '@muster/contracts';
import { escapeText } from '@muster/core/graph';
import type { Request } from '../commands.ts';
import { inspectError } from '../errors.ts';
import { EXIT } from '../exit.ts';
import type { NewsLine, Overview, RunEventLine, RunEvents } from '../live/overview.ts';
import { type Told, watchApp } from '../sources/watched-app.ts';
import type { Terminal } from '../terminal.ts';

export async function events(request: Request, terminal: Terminal): Promise<number> {
  const [address] = request.args as [string];
  const token = request.token ?? process.env['MUSTER_TOKEN'];
  if (request.run === undefined) await news(address, token, request, terminal);
  else await eventsOf(request.run, address, token, request, terminal);
  return EXIT.good;
}

/** What has happened, and what happens until the app or the reader has enough. */
async function news(address: string, token: string | undefined, { json }: Request, terminal: Terminal): Promise<void> {
  for await (const { event, data } of watchApp(address, '/api/live', token)) {
    if (event !== 'overview' && event !== 'change') continue;
    const { news: lines = [] } = data as Partial<Pick<Overview, 'news'>>;
    for (const line of lines) {
      if (json) terminal.printJson(line);
      else terminal.print(newsText(line));
    }
  }
}

async function eventsOf(
  run: string,
  address: string,
  token: string | undefined,
  { json }: Request,
  terminal: Terminal,
): Promise<void> {
  const lines = new Map<number, RunEventLine>();
  const shown = new Map<number, string>();
  for await (const { event, data } of toldOf(run, address, token)) {
    if (event === 'end') break;
    if (event !== 'events') continue;
    const { events: told } = data as RunEvents;
    for (const line of told) {
      lines.set(line.n, line);
      const first = lines.get(1) ?? line;
      const text = lineText(line, line.at - first.at);
      if (!json && shown.get(line.n) !== text) terminal.print(text);
      shown.set(line.n, text);
    }
  }
  if (json) terminal.printJson({ run, events: [...lines.values()].sort((one, other) => one.n - other.n) });
}

/** @throws MusterError `RUN_UNKNOWN`, and as `watchApp` */
async function* toldOf(run: string, address: string, token: string | undefined): AsyncGenerator<Told> {
  try {
    yield* watchApp(address, `/api/runs/${encodeURIComponent(run)}`, token);
  } catch (error) {
    const isMissing = error instanceof MusterError && error.details['status'] === 404;
    throw isMissing ? inspectError('RUN_UNKNOWN', { run, address }, error) : error;
  }
}

function newsText({ at, type, text, isTrouble }: NewsLine): string {
  const time = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' }).format(at);
  return `${isTrouble ? '✘' : '·'} ${time} ${type.padEnd(16)} ${escapeText(text)}\n`;
}

function lineText({ n, event, tool, bytes, data, sockets }: RunEventLine, sinceMs: number): string {
  const about = [
    ...(tool === null ? [] : [escapeText(tool)]),
    ...(data === null ? [`${bytes} bytes`] : [escapeText(data)]),
  ];
  const got = sockets.map(({ connection, ackedAt }) => `${connection.slice(0, 8)}${ackedAt === null ? '' : ' ✔'}`);
  const where = got.length === 0 ? '' : ` → ${got.map(escapeText).join(', ')}`;
  return `${sockets.some(({ ackedAt }) => ackedAt !== null) ? '✔' : '◐'} ${String(n).padStart(4)} +${String(Math.round(sinceMs)).padEnd(6)} ${escapeText(event).padEnd(15)} ${about.join(' ')}${where}\n`;
}
