/** Both ports on a server that the test gives, without an app around them. */
import type { Clock, Timer } from '@muster/contracts';
import { RuntimeEvents, systemClock, systemRandom } from '@muster/core';
import { NatsConnection, NatsEventLog, NatsKeyValueStore, type NatsOptions } from '@muster/nats';
import { settingsOf } from '../src/options.ts';

/** The system's clock, moved: what a server does takes real time, and a week does not. */
export class MovedClock implements Clock {
  #byMs = 0;

  move(ms: number): void {
    this.#byMs += ms;
  }

  now(): number {
    return systemClock.now() + this.#byMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  schedule(delayMs: number, callback: () => void): Timer {
    return systemClock.schedule(delayMs, callback);
  }
}

let names = 0;

/** @param options `name`: what is kept under. @default a new one */
export async function opened(options: NatsOptions, clock = new MovedClock()) {
  names += 1;
  const settings = settingsOf({ replicas: 1, keepBytes: 64 * 2 ** 20, name: `t${process.pid}_${names}`, ...options });
  const events = new RuntimeEvents();
  const faults: unknown[] = [];
  events.on((event) => {
    if (event.type === 'fault') faults.push(event.error);
  });
  const connection = new NatsConnection(settings, clock, events);
  const log = new NatsEventLog(connection, settings, clock, systemRandom, events);
  const store = new NatsKeyValueStore(connection, settings, clock, systemRandom, events);
  try {
    await connection.start({ signal: new AbortController().signal });
    await Promise.all([log.start(), store.start()]);
  } catch (error) {
    // As the engine does with what was entered and has failed.
    await Promise.all([log.stop(), store.stop()]);
    await connection.stop();
    throw error;
  }
  return {
    settings,
    clock,
    connection,
    log,
    store,
    faults,
    async close(): Promise<void> {
      await Promise.all([log.stop(), store.stop()]);
      await connection.stop();
    },
  };
}
