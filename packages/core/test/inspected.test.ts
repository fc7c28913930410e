/** What an app does for whoever watches it: when it begins, what it may see, and that it goes last and hurts nothing. */
import { describe, expect, it } from '@jest/globals';
import {
  type AppInspector,
  type AppOptions,
  createApp,
  type InspectedApp,
  Random,
  type RuntimeEvent,
  service,
  type Service,
  token,
} from '@muster/core';

@service()
class Database implements Service {
  start(): void {}
}

@service()
class Broken implements Service {
  start(): void {
    throw new Error('no');
  }
}

/** An app and an inspector that notes what happens around it. */
function watched(options: AppOptions, own: Partial<AppInspector> = {}) {
  const notes: string[] = [];
  let seen!: InspectedApp;
  const inspector: AppInspector = {
    attach: (app) => {
      seen = app;
      notes.push(`attach ${app.state()} ${app.gate()}`);
    },
    begin: async () => {
      notes.push(`begin ${seen.state()}`);
      return 'http://inspector';
    },
    failed: async () => void notes.push(`failed ${seen.state()}`),
    close: async () => void notes.push(`close ${seen.state()}`),
    ...own,
  };
  const app = createApp({ ...options, inspect: inspector });
  const events: RuntimeEvent[] = [];
  app.events.on((event) => {
    events.push(event);
    if (['boot-completed', 'boot-failed', 'stop-completed'].includes(event.type)) notes.push(event.type);
  });
  return { app, notes, events, seen };
}

describe('an inspector', () => {
  it('is attached when the app is made, begins with the boot, and goes when the stop is over', async () => {
    const { app, notes, events } = watched({ services: [Database] });
    await app.start();
    await app.stop();
    expect(notes).toEqual(['attach new closed', 'begin starting', 'boot-completed', 'stop-completed', 'close stopped']);
    expect(events.find(({ type }) => type === 'inspecting')).toMatchObject({ address: 'http://inspector' });
  });

  it('sees a graph that is wrong, and a boot that failed for as long as it wants', async () => {
    const Missing = token<object>('Missing');
    @service({ dependsOn: [Missing] })
    class Orders {
      constructor(readonly missing: object) {}
    }
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { app, notes, seen } = watched({ services: [Orders] }, { failed: () => held });
    const starting = app.start();
    let isOver = false;
    const over = starting.catch(() => (isOver = true));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
    expect([isOver, app.state, seen.graph().toJSON().problems.length]).toEqual([false, 'failed', 1]);
    release();
    await over;
    expect(notes).toEqual(['attach new closed', 'begin starting', 'boot-failed', 'close failed']);
  });

  it('is closed by a stop while a failed boot is held', async () => {
    let release!: () => void;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { app, notes } = watched(
      { services: [Broken], boot: { budgetMs: 50 } },
      { failed: () => held, close: async () => release() },
    );
    const starting = expect(app.start()).rejects.toMatchObject({ code: 'BOOT_FAILED' });
    while (!notes.includes('boot-failed'))
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    await app.stop();
    await starting;
  });

  it('goes last also where a stop cuts the boot short', async () => {
    const { app, notes } = watched({ services: [Database] });
    const starting = app.start().catch(() => {});
    await app.stop();
    await starting;
    expect(notes.slice(-2)).toEqual(['stop-completed', 'close stopped']);
    expect(notes.filter((note) => note.startsWith('close'))).toHaveLength(1);
    expect(notes.some((note) => note.startsWith('failed'))).toBe(false);
  });

  it('that fails is told of, and the app goes on without it', async () => {
    const failing = watched(
      { services: [Database] },
      { begin: () => Promise.reject(new Error('no port')), close: () => Promise.reject(new Error('no end')) },
    );
    await failing.app.start();
    await failing.app.stop();
    const faults = failing.events.flatMap((event) => (event.type === 'fault' ? [String(event.error)] : []));
    expect(faults).toEqual(['Error: no port', 'Error: no end']);
  });

  it('finds what the container has, once it is built', async () => {
    const { app, seen } = watched({ services: [Database] });
    expect(seen.find(Database)).toBeUndefined();
    await app.start();
    expect(seen.find(Database)).toBe(app.get(Database));
    expect(seen.find(Random)).toBeDefined();
    expect(seen.find(token<object>('Nobody'))).toBeUndefined();
    expect(seen.explain('Database')).toContain('running');
    await app.stop();
  });
});
