/** The web page and the login, on the port of the WebSocket. */
import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { token } from '@muster/core';
import { httpHandler, type HttpHandler } from '@muster/server';
import * as v from 'valibot';
import { TokenAuthenticator } from './services/token-authenticator.ts';

/** The directory with the built page. */
export const PageDirectory = token<string>('PageDirectory');

const FILES: Readonly<Record<string, { file: string; type: string }>> = {
  '/': { file: 'index.html', type: 'text/html' },
  '/page.js': { file: 'page.js', type: 'text/javascript' },
  '/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
  '/page.css': { file: 'page.css', type: 'text/css' },
};
const LoginRequest = v.object({ name: v.pipe(v.string(), v.trim(), v.minLength(1), v.maxLength(60)) });
const MAX_BODY_BYTES = 4_096;

@httpHandler({ dependsOn: [TokenAuthenticator, PageDirectory] })
export class Pages implements HttpHandler {
  readonly #tokens: TokenAuthenticator;
  readonly #directory: string;

  constructor(tokens: TokenAuthenticator, directory: string) {
    this.#tokens = tokens;
    this.#directory = directory;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    const path = (request.url ?? '/').split('?', 1)[0] as string;
    if (path === '/login') {
      await this.#login(request, response);
      return true;
    }
    const page = Object.hasOwn(FILES, path) ? FILES[path] : undefined;
    if (page === undefined || (request.method !== 'GET' && request.method !== 'HEAD')) return false;
    const body = await readFile(`${this.#directory}/${page.file}`);
    response.writeHead(200, {
      'content-type': `${page.type}; charset=utf-8`,
      'cache-control': 'no-cache',
      'content-security-policy': "default-src 'self'; connect-src 'self' ws: wss:",
      'x-content-type-options': 'nosniff',
    });
    response.end(request.method === 'HEAD' ? undefined : body);
    return true;
  }

  async #login(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST');
      answer(response, 405, { code: 'METHOD_NOT_ALLOWED', message: 'Log in with POST.' });
      return;
    }
    const login = v.safeParse(v.pipe(v.string(), v.parseJson(), LoginRequest), await bodyOf(request));
    if (!login.success) {
      answer(response, 400, { code: 'LOGIN_INVALID', message: 'Send {"name": "…"} with 1 to 60 characters.' });
      return;
    }
    answer(response, 200, { token: await this.#tokens.issue(login.output.name) });
  }
}

/** The body as text; an empty one when it is larger than any login. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  return bytes > MAX_BODY_BYTES ? '' : Buffer.concat(chunks).toString('utf8');
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
