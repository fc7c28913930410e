/**
 * Plain HTTP on the same port: probes without names, and the application's own pages behind the gate.
 */
import { probeVerdict, type RuntimeEvents, type ServerHost } from '@muster/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpHandler } from './web-socket-factory.ts';

/** What the front needs of its server. */
export interface HttpSurroundings {
  readonly host: ServerHost;
  readonly events: RuntimeEvents;
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
    json(response, 503, { code: 'NOT_READY', message: 'The gate is not open.' });
  } else {
    json(response, 404, { code: 'NOT_FOUND', message: `Nothing is served at ${pathOf(request)}.` });
  }
}

/** Answers a request that is ours: a probe, or one that a handler behind the open gate takes. Never rejects. */
export async function offerHttp(
  request: IncomingMessage,
  response: ServerResponse,
  around: HttpSurroundings,
): Promise<boolean> {
  const path = pathOf(request);
  const { host } = around;
  const verdict = probeVerdict(path, host.state(), host.gate.state);
  if (verdict !== undefined) {
    json(response, verdict.status, verdict.body);
    return true;
  }
  try {
    if (host.gate.state !== 'open') return false;
    for (const handler of around.handlers()) if (await handler.handle(request, response)) return true;
    return false;
  } catch (error) {
    const correlation = host.random.uuid();
    around.events.emit({ type: 'fault', component: `http ${path}`, correlation, error, at: host.clock.now() });
    if (response.headersSent) response.destroy();
    else json(response, 500, { code: 'INTERNAL', message: `Something went wrong; it is logged as ${correlation}.` });
    return true;
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] as string;
}

/** Answers with JSON that nobody may keep. */
function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(`${JSON.stringify(body)}\n`);
}
