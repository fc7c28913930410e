/**
 * A proxy in front of a good server that makes a bad one of it: frames of both directions, upgrades and closes pass through
 * the functions of a mutant. Without one everything passes as it is.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';

/** One frame as JSON; what it has beside its type is for the mutant to know. */
export interface Wire {
  readonly type: string;
  readonly [field: string]: any;
}

/** What a mutant can remember and do on one connection. */
export interface Wired {
  /** What it has noted on this connection, and on all of them. */
  readonly own: Map<string, any>;
  readonly all: Map<string, any>;
  readonly toServer: (frame: object) => void;
  readonly toClient: (frame: object) => void;
}

/** Each function returns what passes instead. */
export interface Mangle {
  readonly toClient?: (frame: Wire, wired: Wired) => readonly object[];
  readonly toServer?: (frame: Wire, wired: Wired) => readonly object[];
  /** What is no JSON object with a type. False keeps it from the server. */
  readonly passes?: (data: Buffer, isBinary: boolean) => boolean;
  readonly headers?: (headers: Record<string, string>) => Record<string, string>;
  readonly protocol?: (offered: ReadonlySet<string>) => string;
  readonly status?: (status: number) => number;
  /** Nothing leaves the client connected. */
  readonly close?: (code: number) => number | undefined;
  readonly maxPayload?: number;
}

export class ManglingProxy implements AsyncDisposable {
  readonly #target: string;
  readonly #mangle: Mangle;
  readonly #http: Server = createServer();
  readonly #sockets: WebSocketServer;
  readonly #open = new Set<WebSocket>();
  readonly #all = new Map<string, any>();

  private constructor(target: string, mangle: Mangle) {
    this.#target = target;
    this.#mangle = mangle;
    const { protocol = () => 'muster.v1', maxPayload = 4 * 65_536 } = mangle;
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload, handleProtocols: protocol });
    this.#http.on('upgrade', (request, socket, head) => this.#upgrade(request, socket, head));
  }

  /** @param target the `ws://` address of the good server, without a path. */
  static async listen(target: string, mangle: Mangle = {}): Promise<ManglingProxy> {
    const proxy = new ManglingProxy(target, mangle);
    proxy.#http.listen(0, '127.0.0.1');
    await once(proxy.#http, 'listening');
    return proxy;
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#http.address() as AddressInfo).port}/ws`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#open) socket.terminate();
    this.#http.close();
    this.#http.closeAllConnections();
    await once(this.#http, 'close');
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => {});
    const { authorization, origin, host } = request.headers;
    const given = Object.entries({ authorization, origin, host }).filter(([, value]) => value !== undefined);
    const headers =
      this.#mangle.headers?.(Object.fromEntries(given) as Record<string, string>) ?? Object.fromEntries(given);
    const protocols = request.headers['sec-websocket-protocol']?.split(',').map((each) => each.trim()) ?? [];
    const upstream = new WebSocket(`${this.#target}${request.url}`, protocols, {
      headers: headers as Record<string, string>,
    });
    this.#open.add(upstream);
    upstream.on('error', () => {});
    upstream.on('unexpected-response', (asked, { statusCode = 0 }) => {
      asked.destroy();
      const status = this.#mangle.status?.(statusCode) ?? statusCode;
      socket.end(`HTTP/1.1 ${status} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    });
    upstream.on('open', () => {
      this.#sockets.handleUpgrade(request, socket, head, (client) => {
        this.#open.add(client);
        this.#join(client, upstream);
      });
    });
  }

  #join(client: WebSocket, upstream: WebSocket): void {
    const { toClient, toServer, passes, close } = this.#mangle;
    const sendTo = (socket: WebSocket, frame: object | string): void => {
      if (socket.readyState === socket.OPEN) socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
    };
    const wired: Wired = {
      own: new Map(),
      all: this.#all,
      toServer: (frame) => sendTo(upstream, frame),
      toClient: (frame) => sendTo(client, frame),
    };
    client.on('error', () => {});
    upstream.on('message', (data: Buffer) => {
      const text = data.toString('utf8');
      for (const frame of toClient?.(JSON.parse(text) as Wire, wired) ?? [text]) sendTo(client, frame);
    });
    client.on('message', (data: Buffer, isBinary) => {
      if (upstream.readyState !== upstream.OPEN) return;
      const frame = isBinary ? undefined : frameIn(data.toString('utf8'));
      if (frame !== undefined && toServer !== undefined)
        for (const each of toServer(frame, wired)) sendTo(upstream, each);
      else if (passes?.(data, isBinary) ?? true) upstream.send(data, { binary: isBinary });
    });
    upstream.on('close', (code) => {
      const mangled = close === undefined ? code : close(code);
      if (mangled === 1005 || mangled === 1006) client.terminate();
      else if (mangled !== undefined) client.close(mangled);
    });
    client.on('close', () => upstream.terminate());
  }
}

function frameIn(text: string): Wire | undefined {
  try {
    const frame = JSON.parse(text) as Wire | null;
    return typeof frame?.type === 'string' ? frame : undefined;
  } catch {
    // It passes as it is.
    return undefined;
  }
}
