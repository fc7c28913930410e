/** Follows what the inspector of a running app tells, as it happens. */
import { causeChain } from '@muster/contracts';
import { inspectError } from '../errors.ts';

/** One thing that was told: its kind, and JSON. */
export interface Told {
  readonly event: string;
  readonly data: unknown;
}

/** How long an inspector may take to answer, in milliseconds. */
const ANSWER_MS = 10_000;

/**
 * What is told at a path of the inspector's, until it ends or the iteration does.
 *
 * @throws MusterError `URL_UNREACHABLE`, `URL_REFUSED` or `URL_WITHOUT_DUMP`.
 */
export async function* watchApp(address: string, path: string, token: string | undefined): AsyncGenerator<Told> {
  if (!URL.canParse(address)) throw inspectError('URL_UNREACHABLE', { url: address, reason: 'it is no address' });
  const url = new URL(path, address).href;
  const abort = new AbortController();
  const patience = AbortSignal.timeout(ANSWER_MS);
  const late = (): void => abort.abort(patience.reason);
  patience.addEventListener('abort', late, { once: true });
  const response = await ask(url, token, abort.signal);
  patience.removeEventListener('abort', late);
  const { status, body } = response;
  if (status === 401 || status === 403) throw inspectError('URL_REFUSED', { url, status });
  if (!response.ok || body === null) throw inspectError('URL_WITHOUT_DUMP', { url, status });
  try {
    yield* toldIn(body);
  } finally {
    abort.abort();
  }
}

async function ask(url: string, token: string | undefined, signal: AbortSignal): Promise<Response> {
  const headers = { accept: 'text/event-stream', ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  try {
    return await fetch(url, { headers, signal });
  } catch (error) {
    const last = [...causeChain(error)].at(-1) as (Error & { code?: string }) | undefined;
    const reason = signal.aborted ? `no answer within ${ANSWER_MS / 1_000} s` : last?.message || last?.code;
    throw inspectError('URL_UNREACHABLE', { url, reason: reason || 'the request failed' }, error);
  }
}

/** The server-sent events of a body; it may be cut off at any place. */
async function* toldIn(body: ReadableStream<Uint8Array>): AsyncGenerator<Told> {
  const decoder = new TextDecoder();
  let text = '';
  try {
    for await (const chunk of body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      const parts = text.split('\n\n');
      text = parts.pop() as string;
      for (const part of parts) {
        const match = /^event: (\w+)\ndata: (.*)$/.exec(part);
        if (match !== null) yield { event: match[1] as string, data: JSON.parse(match[2] as string) };
      }
    }
  } catch {
    // The app has gone; what it told is all there is.
  }
}
