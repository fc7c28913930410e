/** The events of a run as whoever looks at it sees them: which sockets got each when, and when nothing more is expected. */
import { describe, expect, it } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { type DeliveryMark, EventLog, type InspectedApp, MemoryLog, type ServerView, systemRandom } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import type { Exchange } from '../src/live/exchange.ts';
import { RunEventReader } from '../src/live/run-events.ts';
import { LOOK_MS, Page, pagesOf } from './pages.ts';

const RUN = { run: 'r', stream: 's', offset: 1 };
/** Looks without anything new, after its end, until nothing more is expected. */
const QUIET = 8;

const said = (run: string, n: number, event = 'agent_thinking'): AgentEvent =>
  ({ id: `${run}:${n}`, run, agent: 'guide', n, event, at: n, data: { thought: 'of ann' } }) as unknown as AgentEvent;
const ended = (n: number): AgentEvent => said('r', n, 'agent_completed');

/** A log, and what a server tells of its sockets. */
function delivering() {
  const log = new MemoryLog(new FakeClock(), systemRandom, () => {});
  const marks: DeliveryMark[] = [];
  const delivery = { appended: 0, acknowledged: 0, pending: 0, expired: 0 };
  const marksOf = (_: string, after: number): DeliveryMark[] => marks.filter(({ n }) => n > after);
  const server: ServerView = { users: 1, connections: [], delivery, marksOf };
  const mark = (kind: DeliveryMark['kind'], connection: string, from: number, to: number, at: number): void =>
    void marks.push({ n: marks.length + 1, kind, connection, from, to, at });
  return { log, mark, server };
}

function reading(payloads = false, exchange?: Exchange) {
  const { log, mark, server } = delivering();
  const reader = new RunEventReader({ server } as InspectedApp, log, RUN, payloads, exchange);
  /** Numbers of the events of which something is new, each with its sockets. */
  const news = async (): Promise<unknown[] | undefined> =>
    (await reader.take())?.events.map(({ n, sockets }) => [
      n,
      ...sockets.map(({ connection, sentAt, ackedAt }) => [connection, sentAt, ackedAt]),
    ]);
  return { log, mark, reader, news };
}

describe('the events of a run', () => {
  it.each([
    [false, null],
    [true, '{"thought":"of ann"}'],
  ])('are its own, each once, with their data where payloads are shown: %s', async (payloads, data) => {
    const { log, reader } = reading(payloads);
    await log.append('s', [said('r', 1), said('q', 1), said('r', 2)]);
    const { events } = (await reader.take()) ?? {};
    expect(events?.map((line) => [line.n, line.offset, line.bytes, line.data])).toEqual([
      [1, 1, 20, data],
      [2, 3, 20, data],
    ]);
    expect(await reader.take()).toBeUndefined();
  });

  it('have each socket with when it was first handed them and when its client had processed them', async () => {
    const { log, mark, news } = reading();
    await log.append('s', [said('r', 1), said('r', 2), said('r', 3)]);
    mark('sent', 'c', 1, 3, 10);
    mark('acknowledged', 'c', 1, 2, 20);
    expect(await news()).toEqual([
      [1, ['c', 10, 20]],
      [2, ['c', 10, 20]],
      [3, ['c', 10, null]],
    ]);
    mark('sent', 'c', 2, 3, 30);
    mark('acknowledged', 'c', 1, 3, 40);
    mark('sent', 'd', 3, 3, 50);
    expect(await news()).toEqual([[3, ['c', 10, 40], ['d', 50, null]]]);
    expect(await news()).toBeUndefined();
  });

  it('have the sockets of other instances as well, which show them as long as somebody looks', async () => {
    const looking = new Set<string>();
    const theirs = [{ n: 1, kind: 'sent', connection: 'e', from: 1, to: 1, at: 5 }];
    const exchange = {
      lookAt: (stream: string) => {
        looking.add(stream);
        return () => looking.delete(stream);
      },
      marksOf: async () => theirs.splice(0),
    };
    const { log, reader, news } = reading(false, exchange as unknown as Exchange);
    await log.append('s', [said('r', 1)]);
    expect([await news(), [...looking]]).toEqual([[[1, ['e', 5, null]]], ['s']]);
    reader.close();
    expect(looking.size).toBe(0);
  });

  it('are over when nothing of them was new for a while after their end, and not before', async () => {
    const { log, mark, reader, news } = reading();
    const isOpenFor = async (looks: number): Promise<void> => {
      for (let n = 0; n < looks; n += 1) {
        await news();
        expect(reader.isQuiet).toBe(false);
      }
    };
    await log.append('s', [said('r', 1)]);
    await news();
    await isOpenFor(2 * QUIET);
    await log.append('s', [ended(2)]);
    mark('sent', 'c', 1, 2, 10);
    await isOpenFor(QUIET);
    mark('acknowledged', 'c', 1, 2, 20);
    await isOpenFor(QUIET);
    await news();
    expect(reader.isQuiet).toBe(true);
    await news();
    expect(reader.isQuiet).toBe(false);
  });

  it('go out five hundred at a time', async () => {
    const { log, news } = reading();
    await log.append(
      's',
      Array.from({ length: 1_100 }, (_, n) => said('r', n + 1)),
    );
    expect([(await news())?.length, (await news())?.length, (await news())?.length]).toEqual([500, 500, 100]);
  });
});

describe('a page with a run', () => {
  it('is told why there is nothing where the log cannot be read, and of the run when it can', async () => {
    const { log, server } = delivering();
    const read = log.read.bind(log);
    let isDown = true;
    log.read = (...args) => (isDown ? Promise.reject(new Error('password=correct-horse-battery')) : read(...args));
    const { clock, pages } = pagesOf({ server, find: (port) => (port === EventLog ? log : undefined) as never });
    await log.append('s', [said('r', 1)]);
    const page = new Page();
    pages.showRun(page.stream, RUN);
    await clock.advance(1);
    expect([page.said, page.data]).toEqual([['trouble'], [{ message: 'password=[redacted]' }]]);
    isDown = false;
    await clock.advance(LOOK_MS);
    expect(page.said).toEqual(['trouble', 'events']);
  });

  it('is told of its end once, and nobody looks when it has gone', async () => {
    const { log, server } = delivering();
    const { clock, pages } = pagesOf({ server, find: (port) => (port === EventLog ? log : undefined) as never });
    await log.append('s', [said('r', 1), ended(2)]);
    const page = new Page();
    pages.showRun(page.stream, RUN);
    await clock.advance((QUIET - 1) * LOOK_MS);
    expect(page.said).toEqual(['events']);
    await clock.advance(10 * LOOK_MS);
    expect(page.said).toEqual(['events', 'end']);
    page.end();
    await clock.advance(LOOK_MS);
    expect(clock.pending).toBe(0);
  });
});
