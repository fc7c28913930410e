/**
 * The three ways by which a token comes: `Authorization`, a subprotocol, and `hello.auth`, because proxies strip the first two.
 *
 * Never the URL, which stands in every log.
 */
import type { Credentials } from '@muster/contracts';
import type { IncomingHttpHeaders } from 'node:http';

const BEARER_PROTOCOL = 'bearer.';

/** What an upgrade request shows, if anything; the header before the subprotocol. */
export function credentialsOf(headers: IncomingHttpHeaders, offered: Iterable<string>): Credentials | undefined {
  const header = /^(\S+) +(\S+)$/.exec(headers.authorization?.trim() ?? '');
  if (header) return { scheme: (header[1] as string).toLowerCase(), token: header[2] as string };
  for (const protocol of offered) {
    if (!protocol.startsWith(BEARER_PROTOCOL)) continue;
    const token = Buffer.from(protocol.slice(BEARER_PROTOCOL.length), 'base64url').toString('utf8');
    return { scheme: 'bearer', token };
  }
  return undefined;
}
