/** Looks at an inspector over real sockets: single requests with any header, and streams of events. */
import { once } from 'node:events';
import { get, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Change, Overview, RunEvents } from '@muster/inspect';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** One request, with headers that a browser would not let a page choose. */
export async function look(url: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Answer> {
  const request = httpRequest(url, { headers, method, agent: false });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of response.setEncoding('utf8')) body += chunk as string;
  return { status: response.statusCode ?? 0, headers: response.headers, body };
}

type Said =
  | { readonly event: 'overview'; readonly data: Overview }
  | { readonly event: 'change'; readonly data: Change }
  | { readonly event: 'events'; readonly data: RunEvents };

/** A stream of server-sent events; disposing of it closes it. */
export class Watcher implements AsyncDisposable {
  readonly said: Said[] = [];
  readonly ended: Promise<void>;
  readonly #response: IncomingMessage;
  #waiting: (() => void)[] = [];

  private constructor(response: IncomingMessage) {
    this.#response = response;
    let text = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const whole = text.split('\n\n');
      text = whole.pop() as string;
      for (const part of whole) {
        const match = /^event: (\w+)\ndata: (.*)$/.exec(part);
        if (match !== null) this.said.push({ event: match[1], data: JSON.parse(match[2] as string) } as Said);
      }
      for (const waiting of this.#waiting.splice(0)) waiting();
    });
    this.ended = once(response, 'close').then(() => {});
  }

  static async of(url: string): Promise<Watcher> {
    const request = get(url);
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) throw new Error(`${url} answered ${response.statusCode}`);
    return new Watcher(response);
  }

  /** The first that fits, of what has come or comes. */
  async until<T>(fits: (said: Said) => T | undefined): Promise<T> {
    for (;;) {
      for (const said of this.said) {
        const found = fits(said);
        if (found !== undefined) return found;
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** What there is to see by now: the overview with every change since. */
  async overview(): Promise<Overview> {
    return this.until((said) => (said.event === 'overview' ? said.data : undefined));
  }

  /** The first change that fits. */
  change<T>(fits: (change: Change) => T | undefined): Promise<T> {
    return this.until((said) => (said.event === 'change' ? fits(said.data) : undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#response.destroy();
    await this.ended;
  }
}
