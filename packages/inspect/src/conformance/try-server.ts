/** Tries a server: every point that can be seen from outside, a few at a time, and the others with the reason. */
import { inspectError } from '../errors.ts';
import { isWanted, judge, type Outcome } from './judge.ts';
import { NOT_VISIBLE, SERVER_CHECKS } from './points/points.ts';
import { type ServerOptions, ServerUnderTest, type Visit } from './server-under-test.ts';

/** Checks at the same time: with their peers they stay below what one address and one user may open. */
const AT_ONCE = 4;
/** What is shorter is no secret, and may stand anywhere. */
const LEAST_SECRET = 8;

/**
 * @param only points or their parts, `P5` or `P6.4`; none for all.
 * @returns outcomes in the order of the points; a point has one for each of its checks.
 * @throws MusterError `URL_UNREACHABLE` when nobody is there.
 */
export async function tryServer(options: ServerOptions, only: readonly string[] = []): Promise<Outcome[]> {
  const server = new ServerUnderTest(options);
  await server.visit((visit) => isThere(visit, server.url));
  const checks = SERVER_CHECKS.filter(({ point }) => isWanted(point, only));
  const outcomes = await judge(checks, AT_ONCE, (use) => server.visit(use));
  const others = Object.entries(NOT_VISIBLE)
    .filter(([point]) => isWanted(point, only))
    .map(([point, reason]): Outcome => ({ point, title: '', verdict: 'not applicable', reason }));
  return [...withoutSecrets(outcomes, options), ...others].sort((a, b) => ordinal(a.point) - ordinal(b.point));
}

/** A token stands in what was sent, and in what a bad server says; in a report it has no business. */
function withoutSecrets(outcomes: readonly Outcome[], { token, otherToken }: ServerOptions): Outcome[] {
  const secrets = [token, otherToken ?? ''].filter(({ length }) => length >= LEAST_SECRET);
  const text = secrets.reduce((text, secret) => text.replaceAll(secret, '…'), JSON.stringify(outcomes));
  return JSON.parse(text) as Outcome[];
}

/** Whatever answers will do; what it answers is looked at later. */
async function isThere(visit: Visit, url: string): Promise<void> {
  const peer = visit.knock();
  await new Promise<void>((resolve, reject) => {
    const answered = (): void => resolve();
    peer.socket.on('upgrade', answered).on('unexpected-response', answered);
    peer.socket.on('error', (error: Error & { code?: string }) => {
      // Of several addresses that were tried only the code is told.
      reject(inspectError('URL_UNREACHABLE', { url, reason: error.message || error.code || 'no answer' }, error));
    });
  });
}

/** P2.10 comes after P2.9. */
export function ordinal(point: string): number {
  const [part, number = 0] = point.slice(1).split('.').map(Number) as [number, number?];
  return part * 100 + number;
}
