/**
 * Plain HTTP on the same port: probes, the dump, and the application's own pages behind the gate.
 */
import type { RuntimeEvents, ServerHost } from '@muster/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Authenticator } from './authenticator.ts';
import type { HttpHandler } from './web-socket-factory.ts';

/** What the front needs of its server. */
export interface HttpSurroundings {
  readonly host: ServerHost;
  readonly events: RuntimeEvents;
  /** True when only this machine can connect; then the dump needs no token. */
  readonly isLoopback: () => boolean;
  readonly authenticator: () => Authenticator;
  readonly handlers: () => readonly HttpHandler[];
}

/** Answers one request on a server that is ours alone; never rejects. */
export async function answerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  around: HttpSurroundings,
): Promise<void> {
  if (await offerHttp(request, response, around)) return;
  const { gate } = around.host;
  if (gate.state !== 'open') {
    response.setHeader('retry-after', '1');
    json(response, 503, { code: 'NOT_READY', message: 'The gate is not open.', waitingFor: gate.blockedBy });
  } else {
    json(response, 404, { code: 'NOT_FOUND', message: `Nothing is served at ${pathOf(request)}.` });
  }
}

/** Answers a request that is ours: a probe, the dump, or one that a handler behind the open gate takes. Never rejects. */
export async function offerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  around: HttpSurroundings,
): Promise<boolean> {
  const path = pathOf(request);
  try {
    if (await answerOwn(path, request, response, around)) return true;
    if (around.host.gate.state !== 'open') return false;
    for (const handler of around.handlers()) if (await handler.handle(request, response)) return true;
    return false;
  } catch (error) {
    const correlation = around.host.random.uuid();
    around.events.emit({ type: 'fault', component: `http ${path}`, correlation, error, at: around.host.clock.now() });
    if (response.headersSent) response.destroy();
    else json(response, 500, { code: 'INTERNAL', message: `Something went wrong; it is logged as ${correlation}.` });
    return true;
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] as string;
}

/** Probes and dump. Liveness is not readiness: a process whose database is down is alive and must not be restarted for it. */
async function answerOwn(
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
  { host, isLoopback, authenticator }: HttpSurroundings,
): Promise<boolean> {
  const state = host.state();
  switch (path) {
    case '/livez':
      json(response, 200, { live: true, state });
      return true;
    case '/readyz': {
      const ready = host.gate.state === 'open';
      json(response, ready ? 200 : 503, { ready, gate: host.gate.state, blockedBy: host.gate.blockedBy });
      return true;
    }
    case '/startupz': {
      const started = state === 'running' || state === 'stopping';
      json(response, started ? 200 : 503, { started, state });
      return true;
    }
    case '/muster/graph.json':
    case '/muster/graph.txt':
      if (!isLoopback() && !(await hasToken(request, host, authenticator))) {
        response.setHeader('www-authenticate', 'Bearer');
        json(response, 401, { code: 'TOKEN_INVALID', message: 'The dump needs a token: Authorization: Bearer …' });
      } else if (path.endsWith('.json')) {
        json(response, 200, host.graph());
      } else {
        response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-store' });
        response.end(String(host.graph()));
      }
      return true;
    default:
      return false;
  }
}

async function hasToken(
  request: IncomingMessage,
  host: ServerHost,
  authenticator: () => Authenticator,
): Promise<boolean> {
  const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token === undefined || host.state() !== 'running') return false;
  try {
    await authenticator().authenticate({ scheme: 'bearer', token });
    return true;
  } catch {
    // Which of the reasons it was is nobody's business who has no token.
    return false;
  }
}

/** Answers with JSON that nobody may keep. */
function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
