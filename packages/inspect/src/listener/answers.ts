/** What the listener answers with: headers that let nobody keep, embed or run anything, and a body. */
import type { ServerResponse } from 'node:http';

/** Nothing but the page's own files may run or be shown in it, and nobody may show it in a page of theirs. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const GUARDS = {
  'cache-control': 'no-store',
  'content-security-policy': POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Begins an answer; each has what guards it. All at once, since each header that is set alone is dear. */
export function begin(response: ServerResponse, status: number, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, { ...GUARDS, ...headers });
}

/** @param headers beside those that guard it; plain text without a `content-type`. */
export function answerText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  begin(response, status, { 'content-type': 'text/plain; charset=utf-8', ...headers });
  response.end(text);
}

export function answerJson(response: ServerResponse, status: number, body: unknown): void {
  answerText(response, status, `${JSON.stringify(body)}\n`, { 'content-type': 'application/json; charset=utf-8' });
}
