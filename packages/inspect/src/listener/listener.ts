/** One HTTP server on a port of its own, which lets nobody in who may not look. It keeps no process alive. */
import { messageOf } from '@muster/contracts';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { inspectError } from '../errors.ts';
import type { Access, Refusal } from './access.ts';
import { answerText } from './answers.ts';

/** One request that may be answered. */
export interface Asked {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
}

/** Answers a path. `isOpen` ones need no token. */
export interface Routes {
  /** Whether the path shows nothing of the app, and so needs no token. */
  isOpen(path: string): boolean;
  /** False where there is nothing of that path. A throw is answered with 500 and told. */
  answer(asked: Asked): boolean | Promise<boolean>;
  faulty(error: unknown): void;
}

export class Listener {
  readonly #access: Access;
  readonly #routes: Routes;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(access: Access, routes: Routes) {
    this.#access = access;
    this.#routes = routes;
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.on('connection', (socket) => {
      socket.unref();
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  /** @throws MusterError `INSPECT_PORT` when the port cannot be had. */
  async listen(host: string, port: number): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', (error) =>
        reject(inspectError('INSPECT_PORT', { address: `${host}:${port}`, reason: messageOf(error) }, error)),
      );
      this.#server.listen(port, host, resolve);
    });
    this.#server.unref();
    const { port: bound } = this.#server.address() as AddressInfo;
    return `http://${host.includes(':') ? `[${host}]` : host}:${bound}`;
  }

  async close(): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const socket of this.#sockets) socket.destroySoon();
    });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      // Not by `URL`, which refuses some of what may be asked for.
      const [path = '/', query] = (request.url ?? '/').split(/\?(.*)/s, 2);
      const refusal = this.#refusal(request, path);
      if (refusal !== undefined) this.#refuse(response, refusal);
      else if (request.method !== 'GET' && request.method !== 'HEAD')
        answerText(response, 405, 'Nothing can be changed here.\n', { allow: 'GET, HEAD' });
      else if (!(await this.#routes.answer({ request, response, path, query: new URLSearchParams(query) })))
        answerText(response, 404, `There is nothing at ${path}.\n`);
    } catch (error) {
      this.#routes.faulty(error);
      if (response.headersSent) response.destroy();
      else answerText(response, 500, 'Something went wrong; it is among the events of the app.\n');
    }
  }

  #refusal(request: IncomingMessage, path: string): Refusal | undefined {
    const isNavigation = path === '/' && request.headers['sec-fetch-mode'] === 'navigate';
    const stranger = this.#access.refuseStranger(request, isNavigation);
    return stranger ?? (this.#routes.isOpen(path) ? undefined : this.#access.refuseUnknown(request));
  }

  #refuse(response: ServerResponse, { status, why }: Refusal): void {
    answerText(response, status, `${why}\n`, status === 401 ? { 'www-authenticate': 'Bearer' } : {});
  }
}
