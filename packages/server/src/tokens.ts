/**
 * The three ways by which a token comes: `Authorization`, a subprotocol, and `hello.auth`, because proxies strip the first two.
 *
 * Never the URL, which stands in every log.
 */
import type { Credentials } from '@muster/contracts';
import type { IncomingHttpHeaders } from 'node:http';

const BEARER_PROTOCOL = 'bearer.';

/** What an upgrade request shows, if anything; the header before the subprotocol. */
export function credentialsOf(headers: IncomingHttpHeaders, offered: readonly string[]): Credentials | undefined {
  const header = /^(\S+) +(\S+)$/.exec(headers.authorization?.trim() ?? '');
  if (header) return { scheme: (header[1] as string).toLowerCase(), token: header[2] as string };
  return offeredToken(offered, BEARER_PROTOCOL);
}

/** The token that is offered as a subprotocol: the prefix, and the token in base64url. */
export function offeredToken(offered: readonly string[], prefix: string): Credentials | undefined {
  const found = offered.find((protocol) => protocol.startsWith(prefix));
  if (found === undefined) return undefined;
  return { scheme: 'bearer', token: Buffer.from(found.slice(prefix.length), 'base64url').toString('utf8') };
}
