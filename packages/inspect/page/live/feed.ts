/**
 * Keeps the page fed from `/api/live`, and says whether it is.
 *
 * What was shown stays when the connection is lost; the next `overview` replaces all of it.
 */
import { signal } from '@preact/signals';
import type { Change, Overview } from '../../src/live/overview.ts';
import { readMessage } from '../text/visible.ts';
import { backend } from './backend.ts';
import { heard } from './server-clock.ts';

/** `since` is by the clock here: the server's is not heard any more. `locked` where the inspector asks for its token. */
export type Link =
  { readonly state: 'connecting' | 'live' | 'locked' } | { readonly state: 'lost'; readonly since: number };

export const link = signal<Link>({ state: 'connecting' });

/** The instance that is looked at; `null` for the one that serves the page. */
export const shown = signal<string | null>(null);

let source: EventSource | null = null;

/** Milliseconds until a connection that the browser has given up is tried again. */
const RETRY_MS = 1_000;

/** An inspector says something every five seconds; one that does not for so long is out of reach, in milliseconds. */
const SILENCE_MS = 15_000;
let silence: ReturnType<typeof setTimeout> | undefined;

/** Follows another instance from now on. */
export function follow(instance: string | null): void {
  source?.close();
  clearTimeout(silence);
  shown.value = instance;
  if (link.peek().state === 'live') link.value = { state: 'connecting' };
  const query = instance === null ? '' : `?instance=${encodeURIComponent(instance)}`;
  const opened = new EventSource(`/api/live${query}`);
  source = opened;
  opened.addEventListener('overview', ({ data }: MessageEvent<string>) => {
    hear(instance);
    const overview = readMessage<Overview>(data);
    heard(overview.at);
    backend.begin(overview);
    link.value = { state: 'live' };
  });
  opened.addEventListener('change', ({ data }: MessageEvent<string>) => {
    hear(instance);
    const change = readMessage<Change>(data);
    heard(change.at);
    backend.apply(change);
  });
  opened.addEventListener('error', () => {
    if (source !== opened) return;
    if (link.peek().state !== 'locked') lose();
    if (opened.readyState !== EventSource.CLOSED) return;
    // A browser comes back by itself after a broken connection, but not after a refusal. A page that is being left is gone by then.
    setTimeout(() => void again(opened, instance), RETRY_MS);
  });
}

/** A connection that is gone without a word is noticed by its silence. */
function hear(instance: string | null): void {
  clearTimeout(silence);
  silence = setTimeout(() => {
    lose();
    follow(instance);
  }, SILENCE_MS);
}

function lose(): void {
  if (link.peek().state !== 'lost') link.value = { state: 'lost', since: Date.now() };
}

/** Opens the stream anew, and says why it was refused where the reason is known: the browser does not tell. */
async function again(refused: EventSource, instance: string | null): Promise<void> {
  if (source !== refused) return;
  if (await isLocked()) link.value = { state: 'locked' };
  if (source === refused) follow(instance);
}

async function isLocked(): Promise<boolean> {
  try {
    return (await fetch('/muster/graph.txt', { method: 'HEAD' })).status === 401;
  } catch {
    return false;
  }
}
