/** Logs and stores on real LMDB in directories of their own, without an app around them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RuntimeEvents, systemRandom } from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { LmdbEventLog, LmdbKeyValueStore, type LmdbOptions, LmdbStorage, settingsOf } from '@muster/lmdb';

const made: string[] = [];

export function directory(parent = tmpdir()): string {
  const path = mkdtempSync(join(parent, 'muster-lmdb-'));
  made.push(path);
  return path;
}

export function removeAll(): void {
  for (const path of made.splice(0)) rmSync(path, { recursive: true, force: true });
}

/** Opens a directory; flushes wait for nobody unless the options say so. */
export async function opened(options: LmdbOptions = {}, clock = new FakeClock()) {
  const settings = settingsOf({ directory: directory(), spacingMs: 0, ...options });
  const events = new RuntimeEvents();
  const storage = new LmdbStorage(settings, clock, systemRandom);
  const log = new LmdbEventLog(storage, settings, clock, systemRandom, events);
  const store = new LmdbKeyValueStore(storage, clock, events);
  const said: string[] = [];
  const failed: unknown[] = [];
  const start = async (): Promise<void> => {
    await storage.start({ progress: (text) => said.push(text) });
    await log.start({ fail: (error) => failed.push(error) });
  };
  const close = async (): Promise<void> => {
    await log.stop();
    await store.stop();
    await storage.stop();
  };
  try {
    await start();
  } catch (error) {
    await storage.stop();
    throw error;
  }
  return { settings, clock, storage, log, store, said, failed, start, close };
}
