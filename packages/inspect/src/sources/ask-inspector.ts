/** Asks the inspector of a running app, and says in words why it gives nothing. */
import { causeChain } from '@muster/contracts';
import { inspectError } from '../errors.ts';

/** How long an inspector may take to answer, in milliseconds. */
const ANSWER_MS = 10_000;

/** What is asked for, and how the answer is read. */
export interface Question<T> {
  readonly url: string;
  /** A media type. */
  readonly accept: string;
  readonly token: string | undefined;
  /** Reads the answer, within the same ten seconds. */
  readonly read: (response: Response) => T | Promise<T>;
}

/**
 * The answer as it was read.
 *
 * @param signal ends an answer that is still being read after that.
 * @throws MusterError `URL_UNREACHABLE`, `URL_REFUSED` or `URL_WITHOUT_DUMP`.
 */
export async function askInspector<T>({ url, accept, token, read }: Question<T>, signal?: AbortSignal): Promise<T> {
  const headers = { accept, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
  const abort = new AbortController();
  const patience = AbortSignal.timeout(ANSWER_MS);
  const late = (): void => abort.abort(patience.reason);
  patience.addEventListener('abort', late, { once: true });
  signal?.addEventListener('abort', () => abort.abort(signal.reason), { once: true });
  let response: Response;
  let answer: T;
  try {
    response = await fetch(url, { headers, signal: abort.signal });
    answer = await read(response);
  } catch (error) {
    throw inspectError('URL_UNREACHABLE', { url, reason: reasonOf(error) }, error);
  } finally {
    patience.removeEventListener('abort', late);
  }
  const { status } = response;
  if (status === 401 || status === 403) throw inspectError('URL_REFUSED', { url, status });
  if (!response.ok) throw inspectError('URL_WITHOUT_DUMP', { url, status });
  return answer;
}

/**
 * The address of an inspector as a URL.
 *
 * @throws MusterError `URL_UNREACHABLE` for what is none.
 */
export function inspectorAt(address: string): URL {
  if (!URL.canParse(address)) throw inspectError('URL_UNREACHABLE', { url: address, reason: 'it is no address' });
  return new URL(address);
}

/** What fetch says itself is only that it failed; the reason stands at the end of its causes. */
function reasonOf(error: unknown): string {
  if ((error as Error).name === 'TimeoutError') return `no answer within ${ANSWER_MS / 1_000} s`;
  const last = [...causeChain(error)].at(-1) as (Error & { code?: string }) | undefined;
  return last?.message || last?.code || 'the request failed';
}
