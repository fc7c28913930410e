/** Follows what the inspector of a running app tells, as it happens. */
import { askInspector, inspectorAt } from './ask-inspector.ts';

/** One thing that was told: its kind, and JSON. */
export interface Told {
  readonly event: string;
  readonly data: unknown;
}

/**
 * What is told at a path of the inspector's, until it ends or the iteration does.
 *
 * @throws MusterError as `askInspector`.
 */
export async function* watchApp(address: string, path: string, token: string | undefined): AsyncGenerator<Told> {
  const url = new URL(path, inspectorAt(address)).href;
  const enough = new AbortController();
  const read = ({ body }: Response): Response['body'] => body;
  const body = await askInspector({ url, accept: 'text/event-stream', token, read }, enough.signal);
  try {
    if (body !== null) yield* toldIn(body);
  } finally {
    enough.abort();
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
