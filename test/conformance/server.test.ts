/** Our server keeps to the protocol: the kit finds nothing, and sees nearly all of it. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { NOT_VISIBLE, SERVER_CHECKS } from '../../packages/inspect/src/conformance/points/points.ts';
import { pointsOf } from '../../packages/inspect/src/conformance/report.ts';
import { CLIENT_CHECKS } from '../../packages/inspect/src/conformance/try-client.ts';
import { tryServer } from '../../packages/inspect/src/conformance/try-server.ts';
import type { Outcome } from '../../packages/inspect/src/conformance/judge.ts';
import { echoApp } from '../fixtures/echo-app.ts';

jest.setTimeout(60_000);

const failures = (outcomes: readonly Outcome[]): Outcome[] => outcomes.filter(({ verdict }) => verdict === 'failed');

const plain = echoApp();
/** What takes too long with the defaults can be seen with these. */
const hasty = echoApp({ server: { limits: { window: 8, heartbeatMs: 300 } } });

beforeAll(async () => {
  await Promise.all([plain.app.start(), hasty.app.start()]);
});

afterAll(async () => {
  await Promise.all([plain.app.stop(), hasty.app.stop()]);
});

const at = ({ server }: typeof plain): { url: string; token: string; otherToken: string } => ({
  url: `${server.url.replace('http', 'ws')}/ws`,
  token: 'token:ann',
  otherToken: 'token:bob',
});

describe('a server of @muster/server', () => {
  it('passes every point that can be seen', async () => {
    const outcomes = await tryServer(at(plain));
    expect(failures(outcomes)).toEqual([]);
    const unseen = pointsOf(outcomes).filter(({ verdict }) => verdict === 'not applicable');
    const reasons = unseen.map(({ point }) => point);
    expect(reasons).toEqual(
      [...Object.keys(NOT_VISIBLE), 'P6.7', 'P7.2', 'P8.1'].sort((a, b) => reasons.indexOf(a) - reasons.indexOf(b)),
    );
  });

  it('passes those of windows, heartbeats and cancelling where they can be reached', async () => {
    const outcomes = await tryServer({ ...at(hasty), data: { text: 'hang' } }, ['P7.2', 'P8.1']);
    outcomes.push(...(await tryServer(at(hasty), ['P6.7'])));
    expect(outcomes.map(({ point, verdict }) => `${point} ${verdict}`)).toEqual([
      'P7.2 passed',
      'P8.1 passed',
      'P6.7 passed',
    ]);
  });

  it('is judged by every numbered point of the specification, or by a reason why not', () => {
    const page = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    const points = [...page.matchAll(/^- \*\*(P\d+\.\d+)\*\* /gm)].map(([, point]) => point as string);
    const known = new Set([...SERVER_CHECKS.map(({ point }) => point), ...Object.keys(NOT_VISIBLE)]);
    expect([...known].sort()).toEqual([...points].sort());
    expect(Object.keys(NOT_VISIBLE).filter((point) => SERVER_CHECKS.some((check) => check.point === point))).toEqual(
      [],
    );
  });

  it('is described as it is tried', () => {
    const page = readFileSync(new URL('../../docs/conformance.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| (P\d+) \| (.*) \| (.*) \|$/gm)];
    const told = (column: 2 | 3): string[] => rows.flatMap((row) => row[column]?.match(/P\d+(\.\d+)?/g) ?? []);
    const pointsIn = (checks: readonly { readonly point: string }[]): string[] => [
      ...new Set(checks.map(({ point }) => point)),
    ];
    expect(told(2).sort()).toEqual(pointsIn(SERVER_CHECKS).sort());
    expect(told(3).sort()).toEqual(pointsIn(CLIENT_CHECKS).sort());
    const reasons = [...page.matchAll(/^\| (P\d+\.\d+) \| (.*) \|$/gm)].map(([, point, reason]) => [point, reason]);
    expect(reasons).toEqual(Object.entries(NOT_VISIBLE));
  });
});
