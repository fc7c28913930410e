/**
 * Who may look: a request with a name of this listener in its Host header, not from a page of somebody else's, and with the
 * token where one is asked for. The address of the peer decides nothing, because proxies and tunnels have this machine's.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export interface AccessOptions {
  /** Names under which the listener may be asked, without ports. */
  readonly hosts: readonly string[];
  /** @default nobody needs one */
  readonly token?: string | undefined;
}

/** Names that lead to this machine alone. */
export const LOOPBACK: readonly string[] = ['127.0.0.1', 'localhost', '::1'];

/** The cookie of a browser that has shown the token once. */
const COOKIE = 'muster_inspect';

/** Why a request gets nothing. */
export interface Refusal {
  readonly status: 401 | 403;
  readonly why: string;
}

export class Access {
  readonly #hosts: ReadonlySet<string>;
  readonly #digest: Buffer | undefined;

  constructor({ hosts, token }: AccessOptions) {
    this.#hosts = new Set(hosts.map((host) => host.toLowerCase()));
    this.#digest = token === undefined ? undefined : digestOf(token);
  }

  /** For anything, also what needs no token: a page of somebody else's learns not even that there is something. */
  refuseStranger({ headers }: IncomingMessage, isNavigation: boolean): Refusal | undefined {
    const host = nameIn(headers.host);
    if (host === undefined || !this.#hosts.has(host))
      return { status: 403, why: 'The Host header names no host of this listener.' };
    const { origin } = headers;
    const isForeign =
      origin !== undefined && origin !== `http://${headers.host}` && origin !== `https://${headers.host}`;
    const site = headers['sec-fetch-site'];
    const isCross = site === 'cross-site' || site === 'same-site';
    if (isForeign || (isCross && !isNavigation)) return { status: 403, why: 'Another origin asks.' };
    return undefined;
  }

  /** For what shows something. */
  refuseUnknown({ headers }: IncomingMessage): Refusal | undefined {
    const digest = this.#digest;
    if (digest === undefined) return undefined;
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1];
    if (bearer !== undefined && timingSafeEqual(digestOf(bearer), digest)) return undefined;
    const cookie = cookieIn(headers.cookie);
    if (cookie !== undefined && timingSafeEqual(digestOf(cookie), digestOf(this.#cookie(digest)))) return undefined;
    return { status: 401, why: 'It needs the token: Authorization: Bearer …, or open /?token=… once.' };
  }

  /** The `set-cookie` header for a browser that shows the token in the URL; undefined when it is wrong or none is asked for. */
  cookieFor(token: string): string | undefined {
    const digest = this.#digest;
    if (digest === undefined || !timingSafeEqual(digestOf(token), digest)) return undefined;
    return `${COOKIE}=${this.#cookie(digest)}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** Not the token itself: what a browser keeps is of no use elsewhere. */
  #cookie(digest: Buffer): string {
    return createHash('sha256').update('cookie of the inspector').update(digest).digest('base64url');
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** The name in a Host header, without its port. */
function nameIn(host: string | undefined): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]\s]+))(?::\d+)?$/i.exec(host ?? '');
  return (match?.[1] ?? match?.[2])?.toLowerCase();
}

function cookieIn(header: string | undefined): string | undefined {
  return /(?:^|;\s*)muster_inspect=([\w-]+)/.exec(header ?? '')?.[1];
}
