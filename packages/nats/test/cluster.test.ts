/** Three real servers and several instances: what one writes all see, and the death of a server loses nothing. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import type { AgentEvent } from '@muster/contracts';
import { type Batch, createApp, EventLog, type KeyValueChange } from '@muster/core';
import { nats, type NatsOptions } from '@muster/nats';
import { connect, NoRespondersError } from '@nats-io/transport-node';
import { opened } from './harness.ts';
import { type NatsServer, startCluster } from '../../../test/fixtures/nats-servers.ts';
import { withNats } from './with-nats.ts';

jest.setTimeout(120_000);

const event = (n: number, reasoning = `thought ${n}`): AgentEvent => ({
  id: `r:${n}`,
  event: 'agent_thinking',
  run: 'r',
  n,
  agent: 'a',
  at: 0,
  data: { reasoning },
});
const numbers = (batches: readonly Batch[]): number[] =>
  batches.flatMap(({ json }) => (JSON.parse(json.toString()) as AgentEvent[]).map(({ n }) => n));
const up = (to: number): number[] => Array.from({ length: to }, (_, i) => i + 1);

async function until(isSo: () => boolean | Promise<boolean>, what: string, withinMs = 30_000): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > end) throw new Error(`${what} did not come within ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function readAll(log: EventLog, stream: string): Promise<number[]> {
  const all: number[] = [];
  for (let after = 0; ;) {
    const { batches } = await log.read(stream, { after });
    if (batches.length === 0) return all;
    all.push(...numbers(batches));
    const last = batches.at(-1) as Batch;
    after = last.offset + last.count - 1;
  }
}

/** Opens until the servers have agreed on a leader. */
async function eventually(options: NatsOptions): ReturnType<typeof opened> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await opened(options);
    } catch (error) {
      if (attempt > 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** Stores one message, and not a second one, as soon as somebody leads; its sequence. */
async function stored(servers: string[], subject: string): Promise<number> {
  const connection = await connect({ servers, maxReconnectAttempts: -1 });
  try {
    for (;;) {
      const answer = await connection.request(subject, 'x', { timeout: 20_000 }).catch((error: Error) => {
        if (error instanceof NoRespondersError || error.cause instanceof NoRespondersError) return undefined;
        throw error;
      });
      const { seq } = answer?.json<{ seq?: number }>() ?? {};
      if (seq !== undefined) return seq;
    }
  } finally {
    await connection.close();
  }
}

withNats('three nats-servers', () => {
  let servers: NatsServer[];
  const urls = (): string[] => servers.map(({ url }) => url);
  beforeAll(async () => {
    servers = await startCluster();
  });
  afterAll(() => Promise.all(servers.map((server) => server.remove())));

  it('lets instances write one stream together: all see all of it once, in one order', async () => {
    const options = { servers: urls(), replicas: 3, name: 'together' } as const;
    const instances = [await eventually(options), await eventually(options), await eventually(options)];
    const seen = instances.map(({ log }) => {
      const batches: Batch[] = [];
      log.subscribe('s', (batch) => batches.push(batch));
      return batches;
    });
    await instances[0]?.log.info('s');
    const all = up(300);
    await Promise.all(all.map((n) => instances[n % 3]?.log.append('s', [event(n)])));
    await until(() => seen.every((batches) => numbers(batches).length === 300), 'what the others wrote');
    const order = numbers(seen[0] as Batch[]);
    expect([...order].sort((a, b) => a - b)).toEqual(all);
    for (const batches of seen) {
      expect(numbers(batches)).toEqual(order);
      let next = 1;
      for (const { offset, count } of batches) {
        expect(offset).toBe(next);
        next = offset + count;
      }
    }
    expect(await readAll(instances[1]?.log as EventLog, 's')).toEqual(order);
    expect(instances.flatMap(({ faults }) => faults)).toEqual([]);
    await Promise.all(instances.map((instance) => instance.close()));
  });

  it('lets exactly one instance win who expect the same top, and the same revision', async () => {
    const options = { servers: urls(), replicas: 3, name: 'race' } as const;
    const instances = [await eventually(options), await eventually(options), await eventually(options)];
    for (let round = 0; round < 20; round += 1) {
      const appended = await Promise.all(
        instances.map(({ log }, i) => log.append('s', [event(i)], { expectedTop: round })),
      );
      expect(appended.filter(({ ok }) => ok)).toHaveLength(1);
    }
    const known = await Promise.all(instances.map(({ store }, i) => store.create('k', i)));
    expect(known.filter(({ ok }) => ok)).toHaveLength(1);
    const revision = known.find(({ ok }) => ok)?.revision as number;
    const updated = await Promise.all(instances.map(({ store }, i) => store.update('k', i, revision)));
    expect(updated.filter(({ ok }) => ok)).toHaveLength(1);
    // What clients are told that an append has survived.
    expect(instances.map(({ log }) => log.durability)).toEqual(['quorum', 'quorum', 'quorum']);
    await Promise.all(instances.map((instance) => instance.close()));
  });

  it('loses nothing and doubles nothing when servers die in the middle of appends', async () => {
    const options = { servers: urls(), replicas: 3, name: 'killed' } as const;
    const [writer, reader] = [await eventually(options), await eventually(options)];
    const seen: Batch[] = [];
    const changes: KeyValueChange[] = [];
    reader.log.subscribe('s', (batch) => seen.push(batch));
    reader.store.watch('k/', (change) => changes.push(change));
    let appended = 0;
    for (const server of servers.slice(0, 2)) {
      const before = appended;
      const writing = (async () => {
        for (; appended < before + 200; appended += 1) {
          await writer.log.append('s', [event(appended + 1)]);
          if (appended % 20 === 0) await writer.store.create(`k/${appended}`, appended);
        }
      })();
      await until(() => appended >= before + 50, 'the first appends');
      await server.kill();
      await writing;
      await server.start();
      await until(async () => (await readAll(reader.log, 's')).length === appended, 'the log');
    }
    expect(await readAll(reader.log, 's')).toEqual(up(400));
    await until(() => numbers(seen).length === 400, 'what the other instance was shown');
    expect(numbers(seen)).toEqual(up(400));
    await until(() => changes.length >= 20, 'the changes of keys');
    // Each key in the order of its revisions, and keys among themselves in any.
    const numbersOf = changes.map(({ key }) => Number(key.slice(2))).sort((a, b) => a - b);
    expect(numbersOf).toEqual(Array.from({ length: 20 }, (_, i) => i * 20));
    await Promise.all([writer.close(), reader.close()]);
  });

  it('has all that was acknowledged when all servers are killed at once, whatever was forgotten before that', async () => {
    const options = { servers: urls(), replicas: 3, name: 'forgotten', keepMs: 60_000 } as const;
    const first = await eventually(options);
    await first.log.append('old', [event(1)]);
    const { revision } = await first.store.create('deleted', 1);
    await first.store.delete('deleted', revision);
    first.clock.move(50_000);
    await first.log.append('dropped', [event(1)]);
    for (const n of up(30)) await first.log.append('s', [event(n)]);
    await first.store.create('k', 'kept');
    first.clock.move(20_000);
    await first.log.sweep();
    await first.log.drop('dropped');
    await first.store.list('');
    // The second one stores a mark of its own, and takes away that of the first.
    const second = await eventually(options);
    const [events, keys] = [
      first.connection.jetstream('forgotten_events'),
      first.connection.jetstream('forgotten_keys'),
    ];
    await until(async () => (await keys.last('forgotten.keys.deleted')) === undefined, 'the end of a key');
    const mark = 'forgotten.events.mark';
    const isOne = async () => (await events.next(mark, 1))?.sequence === (await events.last(mark))?.sequence;
    await until(isOne, 'the end of a mark');
    await Promise.all([first.close(), second.close()]);

    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(servers.map((server) => server.start()));
    const third = await eventually(options);
    const { log, store } = third;
    expect(await readAll(log, 's')).toEqual(up(30));
    expect(await log.info('s')).toMatchObject({ floor: 0, top: 30 });
    expect(await log.info('old')).toMatchObject({ floor: 1, top: 1 });
    expect(await log.info('dropped')).toMatchObject({ floor: 0, top: 0 });
    expect(await store.list('')).toMatchObject([{ key: 'k', value: 'kept' }]);
    await third.close();
  });

  it('has servers that store nothing once more when they were killed, whoever lost a race before that', async () => {
    const options = { servers: urls(), replicas: 3, name: 'lost', keepBytes: 500_000 } as const;
    const instances = [await eventually(options), await eventually(options), await eventually(options)];
    for (const n of up(20)) {
      const firsts = await Promise.all(instances.map(({ log }) => log.append(`s${n}`, [event(1)], { expectedTop: 0 })));
      expect(firsts.filter(({ ok }) => ok)).toHaveLength(1);
      const created = await Promise.all(instances.map(({ store }, i) => store.create(`k${n}`, i)));
      expect(created.filter(({ ok }) => ok)).toHaveLength(1);
    }
    // What there was no room for lost as well.
    const large = event(1, 'x'.repeat(50_000));
    const full = { code: 'LOG_FULL' };
    const fill = async (): Promise<never> => {
      for (;;) await instances[0]?.log.append('large', [large]);
    };
    await expect(fill()).rejects.toMatchObject(full);
    for (const { log } of instances) {
      // As is done every few seconds.
      await log.check();
      for (const n of up(5)) await expect(log.append(`l${n}`, [large])).rejects.toMatchObject(full);
    }
    await instances[0]?.log.drop('large');
    for (const n of up(100)) await instances[0]?.log.append('s', [event(n)]);
    await Promise.all(instances.map((instance) => instance.close()));

    const storeBoth = () =>
      Promise.all(['lost.events.mark', 'lost.keys.@mark'].map((subject) => stored(urls(), subject)));
    const before = await storeBoth();
    await Promise.all(servers.map((server) => server.kill()));
    await Promise.all(servers.map((server) => server.start()));
    expect(await storeBoth()).toEqual(before.map((sequence) => sequence + 1));
  });

  it('keeps what was appended while no majority is up, refuses more after a while, and closes its gate', async () => {
    const options = { servers: urls(), replicas: 3, name: 'minority', bufferMs: 4_000 } as const;
    const app = createApp({ services: [...nats(options)] });
    await app.start();
    const log = app.get(EventLog);
    await log.append('s', [event(1)]);
    const [, second, third] = servers;
    await Promise.all([second?.kill(), third?.kill()]);
    const waiting = [log.append('s', [event(2)]), log.append('t', [event(1)])];
    await until(async () => {
      const refused = await Promise.race([
        log.append('u', [event(9)]).then(
          () => 'written',
          (error: { code?: string }) => error.code,
        ),
        new Promise((resolve) => setTimeout(() => resolve('waits'), 50)),
      ]);
      return refused === 'LOG_UNAVAILABLE';
    }, 'the refusal');
    await until(() => app.gate.state === 'closed', 'the closed gate');
    expect(app.gate.blockedBy).toContain('NatsEventLog');
    await Promise.all([second?.start(), third?.start()]);
    expect((await Promise.all(waiting)).map(({ ok, top }) => [ok, top])).toEqual([
      [true, 2],
      [true, 1],
    ]);
    await until(() => app.gate.state === 'open', 'the open gate');
    expect(await readAll(log, 's')).toEqual([1, 2]);
    await app.stop();
  });
});
