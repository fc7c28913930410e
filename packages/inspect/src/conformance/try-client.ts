/** Tries a client: a process of its own for each scenario, a few at a time. */
import { ClientUnderTest, type ClientOptions } from './client-under-test.ts';
import { type Check, isWanted, judge, type Outcome } from './judge.ts';
import { EVENTS } from './scenarios/events.ts';
import { OPENING } from './scenarios/opening.ts';
import { RETURNING } from './scenarios/returning.ts';
import { ordinal } from './try-server.ts';

export const CLIENT_CHECKS: readonly Check<ClientUnderTest>[] = [...OPENING, ...EVENTS, ...RETURNING].sort(
  (a, b) => ordinal(a.point) - ordinal(b.point),
);

/** Processes at the same time. */
const AT_ONCE = 4;

/**
 * @param only points or their parts; none for all.
 * @throws MusterError `CLIENT_NOT_STARTED`.
 */
export function tryClient(options: ClientOptions, only: readonly string[] = []): Promise<Outcome[]> {
  const checks = CLIENT_CHECKS.filter(({ point }) => isWanted(point, only));
  return judge(checks, AT_ONCE, (use) => ClientUnderTest.visit(options, use));
}
