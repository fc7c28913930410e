/** Asks the inspector of a running app for its dump. */
import { causeChain, type GraphDump } from '@muster/contracts';
import { inspectError } from '../errors.ts';
import { readDump } from './read-dump.ts';

/** How long an app may take to answer, in milliseconds. */
const ANSWER_MS = 10_000;

/**
 * @param address of the inspector; the dump is looked for at the path below it, unless it names a `.json` itself.
 * @throws MusterError `URL_UNREACHABLE`, `URL_REFUSED`, `URL_WITHOUT_DUMP` or `NO_DUMP`.
 */
export async function dumpOfRunningApp(address: string, path: string, token: string | undefined): Promise<GraphDump> {
  const url = dumpUrl(address, path);
  const headers = { accept: 'application/json', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  let response: Response;
  let text: string;
  try {
    response = await fetch(url, { headers, signal: AbortSignal.timeout(ANSWER_MS) });
    text = await response.text();
  } catch (error) {
    throw inspectError('URL_UNREACHABLE', { url, reason: reasonOf(error) }, error);
  }
  const { status } = response;
  if (status === 401 || status === 403) throw inspectError('URL_REFUSED', { url, status });
  if (!response.ok) throw inspectError('URL_WITHOUT_DUMP', { url, status });
  return readDump(url, text);
}

function dumpUrl(address: string, path: string): string {
  if (!URL.canParse(address)) throw inspectError('URL_UNREACHABLE', { url: address, reason: 'it is no address' });
  const url = new URL(address);
  if (!url.pathname.endsWith('.json')) url.pathname = `${url.pathname.replace(/\/$/, '')}${path}`;
  return url.href;
}

/** What fetch says itself is only that it failed; the reason stands at the end of its causes. */
function reasonOf(error: unknown): string {
  if ((error as Error).name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1_000} s`;
  const last = [...causeChain(error)].at(-1) as (Error & { code?: string }) | undefined;
  return last?.message || last?.code || 'the request failed';
}
