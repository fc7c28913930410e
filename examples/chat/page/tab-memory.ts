/**
 * What a tab remembers over a reload: who is logged in, the session and the thread.
 *
 * Not how far events were processed: the page is made of events alone and a reload empties it, so its thread is read
 * again from its floor.
 */
import type { Cursors, CursorStore } from '@muster/client';

const KEY = 'muster-chat';

interface Remembered {
  readonly name?: string;
  readonly thread?: string;
  readonly session?: string | null;
}

export class TabMemory implements CursorStore {
  #remembered: Remembered;

  constructor() {
    this.#remembered = JSON.parse(sessionStorage.getItem(KEY) ?? '{}') as Remembered;
  }

  /** Who logged in before the reload. */
  get name(): string | undefined {
    return this.#remembered.name;
  }

  /** The thread of this tab; chosen here, so that it is known before the first answer. */
  get thread(): string {
    const thread = this.#remembered.thread ?? newId();
    this.#change({ thread });
    return thread;
  }

  /** Another user has another thread and another session. */
  begin(name: string): void {
    if (name !== this.name) this.#remembered = { name };
    this.#change({ name });
  }

  load(): Cursors {
    return { session: this.#remembered.session ?? null, streams: {} };
  }

  save({ session }: Cursors): void {
    this.#change({ session });
  }

  #change(change: Remembered): void {
    this.#remembered = { ...this.#remembered, ...change };
    sessionStorage.setItem(KEY, JSON.stringify(this.#remembered));
  }
}

function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}
