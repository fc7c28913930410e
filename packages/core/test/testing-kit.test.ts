import { describe, expect, it } from '@jest/globals';
import {
  type CheckContext,
  type Health,
  healthy,
  provide,
  type Service,
  service,
  type StartContext,
  token,
} from '@muster/core';
import { createTestApp, FakeClock, Faults, replace, startTestApp } from '@muster/core/testing';

interface Store {
  read(): string;
}
const Store = token<Store>('Store');

@service()
class Database implements Service {
  started = 0;
  async start(_: StartContext): Promise<void> {
    this.started += 1;
  }
  check(_: CheckContext): Health {
    return healthy;
  }
  async stop(): Promise<void> {}
}

@service({ dependsOn: [Database] })
class DatabaseStore implements Store {
  constructor(private readonly database: Database) {}
  read(): string {
    return `read after ${this.database.started}`;
  }
}

@service({ dependsOn: [Store] })
class Reader {
  constructor(readonly store: Store) {}
}

const services = [Database, provide(Store, DatabaseStore), Reader];

describe('startTestApp', () => {
  it('replaces a service by a value or by another class with a lifecycle of its own, and stops by itself', async () => {
    let stopped = 0;
    @service()
    class FakeStore implements Store {
      read(): string {
        return 'fake';
      }
      stop(): void {
        stopped += 1;
      }
    }
    {
      await using app = await startTestApp({ services, replace: [replace(Store, FakeStore)], clock: new FakeClock() });
      expect(app.get(Reader).store.read()).toBe('fake');
      await using other = await startTestApp({ services, replace: [replace(Store, { read: () => 'value' })] });
      expect(other.get(Reader).store.read()).toBe('value');
    }
    expect(stopped).toBe(1);
  });

  it('says so when what is to be replaced is not there', () => {
    class Nobody {}
    expect(() => createTestApp({ services, replace: [replace(Nobody, new Nobody())] })).toThrow(
      expect.objectContaining({ code: 'NODE_UNKNOWN', details: { name: 'Nobody', near: [] } }),
    );
  });

  it('records events: by type, as a path, in an order, and to wait for', async () => {
    const clock = new FakeClock();
    const faults = new Faults();
    await using app = await startTestApp({ services, clock, faults });
    const { recorded } = app;
    expect(recorded.of('boot-completed')).toHaveLength(1);
    expect(recorded.path('Database')).toEqual(['waiting', 'starting', 'running']);
    expect(recorded.moves('gate')).toEqual(['main:opening', 'main:open']);
    recorded.assertOrder('Database:running', 'Reader:starting', 'main:open');
    expect(() => recorded.assertOrder('Reader:running', 'Database:running')).toThrow(/came before/);
    expect(() => recorded.assertOrder('Reader:failed')).toThrow(/never happened/);
    faults.at('Database.check').fail(3);
    const closed = recorded.first('gate-closed', ({ gate }) => gate === 'main');
    await clock.advance(8_000);
    expect((await closed).causes).toEqual(['Database']);
  });
});

describe('Faults', () => {
  it('fail a start so many times, and no more', async () => {
    const clock = new FakeClock();
    const faults = new Faults();
    faults.at('Database.start').fail(2);
    const app = createTestApp({ services, clock, faults });
    const starting = app.start();
    await clock.advance(1_000);
    await starting;
    expect(app.recorded.of('attempt-failed').map(({ error }) => error.details['reason'])).toEqual(
      Array(2).fill('Database.start was told to fail'),
    );
    await app.stop();
  });

  it('make a check hang until it is cleared, and a stop slow', async () => {
    const clock = new FakeClock();
    const faults = new Faults();
    const app = await startTestApp({ services, clock, faults, gate: { dwellMs: 0 } });
    faults.at('Database.check').hang();
    await clock.advance(20_000);
    expect(app.gate.state).toBe('closed');
    faults.at('Database.check').clear();
    await clock.advance(3_000);
    expect(app.gate.state).toBe('open');
    faults.at('Database.stop').slow(2_000);
    const stopping = app.stop();
    await clock.advance(1_999);
    expect(app.state).toBe('stopping');
    await clock.advance(1);
    expect((await stopping).hung).toEqual([]);
  });

  it('let a check flap', async () => {
    const clock = new FakeClock();
    const faults = new Faults();
    await using app = await startTestApp({ services, clock, faults });
    faults.at('Database.check').flap(1, 2);
    await clock.advance(60_000);
    // Two failures in a row are below the threshold of three.
    expect(app.recorded.of('health-changed')).toEqual([]);
    faults.at('Database.check').flap(1, 3);
    await clock.advance(30_000);
    expect(app.recorded.of('health-changed').map(({ to }) => to)).toContain('unhealthy');
  });

  it('notice a point that does not exist', async () => {
    const faults = new Faults();
    faults.at('Databse.start').hang();
    const unknown = {
      code: 'NODE_UNKNOWN',
      details: { name: 'Databse.start', near: ['Database.start', 'Database.stop'] },
    };
    expect(() => createTestApp({ services, faults })).toThrow(expect.objectContaining(unknown));
    const known = new Faults();
    await using app = await startTestApp({ services, faults: known });
    expect(app.state).toBe('running');
    expect(() => known.at('Reader.start')).toThrow(expect.objectContaining({ code: 'NODE_UNKNOWN' }));
  });
});
