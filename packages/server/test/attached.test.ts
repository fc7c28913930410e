import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type MusterServer, webSocketServer } from '@muster/server';
import { RawClient, serve, slowService } from './harness.ts';

const echo = () => ({ methods: { echo: (data: unknown) => data } });

/** A server of somebody else's, with a request handler and sockets of its own, that listens before anything of ours. */
async function foreign(
  muster: () => MusterServer | undefined,
): Promise<{ http: Server; url: string; upgrades: string[] }> {
  const upgrades: string[] = [];
  const http = createServer((request, response) => {
    void (async () => {
      if ((await muster()?.handle(request, response)) === true) return;
      response.writeHead(200);
      response.end(`foreign ${request.url}`);
    })();
  });
  http.on('upgrade', (request, socket) => {
    if (request.url !== '/theirs') return;
    upgrades.push(request.url);
    socket.end('HTTP/1.1 418 Theirs\r\n\r\n');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  return { http, url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, upgrades };
}

let close: (() => void) | undefined;
afterEach(() => {
  close?.();
  close = undefined;
});

describe('a server of somebody else', () => {
  it('is attached to and never owned: its requests and sockets stay its own, and it goes on after the stop', async () => {
    let muster: MusterServer | undefined;
    const { http, url, upgrades } = await foreign(() => muster);
    close = () => http.close();
    const made = webSocketServer({ attachTo: http });
    muster = made;
    const server = await serve(echo, { app: { server: made } });
    await server.started;
    expect(made.url).toBe(url);
    const client = await RawClient.welcomed(url.replace('http', 'ws'));
    const id = client.request('echo', 7);
    expect(await client.next('response')).toMatchObject({ id, ok: true, data: 7 });
    expect(await (await fetch(`${url}/hello`)).text()).toBe('foreign /hello');
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ ready: true });
    const theirs = new RawClient(url.replace('http', 'ws'), { path: '/theirs' });
    await theirs.closed;
    expect(upgrades).toEqual(['/theirs']);
    await server.app.stop();
    expect((await client.closed).code).toBe(4201);
    expect(http.listening).toBe(true);
    expect(http.listenerCount('upgrade')).toBe(1);
    expect(await (await fetch(`${url}/after`)).text()).toBe('foreign /after');
  });

  it('holds who comes before the services are ready, as it listens already', async () => {
    const { Slow, up } = slowService();
    const { http, url } = await foreign(() => undefined);
    close = () => http.close();
    await using server = await serve(echo, { services: [Slow], app: { server: webSocketServer({ attachTo: http }) } });
    const client = new RawClient(url.replace('http', 'ws'));
    await client.opened();
    client.hello('token:ann');
    expect((await client.next('wait')).pending).toEqual(['Slow']);
    up();
    await client.next('welcome');
    expect(server.journal).toEqual(['factory made']);
    await client.close();
  });

  it('has a port of its own: saying one here is a mistake that is told', () => {
    const http = createServer();
    expect(() => webSocketServer({ attachTo: http, port: 3_000 })).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', details: expect.objectContaining({ option: 'port' }) }),
    );
  });
});
