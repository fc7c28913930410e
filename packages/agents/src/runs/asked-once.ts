/**
 * A request that comes twice is one run: a repeat finds the run that came of the first, also after a crash, and waits for
 * one that is still being accepted.
 */
import { contractError, type RunAccepted, type RunRequest } from '@muster/contracts';
import { keyPart, streamOf } from '@muster/core';
import type { Requester } from './requester.ts';
import { RequestTaken, type RunRecords } from './run-records.ts';

/** Tells a request from another under the same name. */
export function fingerprintOf({ text, agent, thread }: RunRequest): string {
  return keyPart(JSON.stringify([text, agent ?? null, thread ?? null]));
}

export class AskedOnce {
  readonly #records: RunRecords;
  /** Those that are being accepted, by what names them. */
  readonly #asked = new Map<string, Promise<unknown>>();

  constructor(records: RunRecords) {
    this.#records = records;
  }

  /**
   * @param id of the request, unique with its requester.
   * @param first accepts a request that has not come before, under a name for ever; `null` for one that cannot be repeated.
   * @throws MusterError `IDEMPOTENCY_MISMATCH` when the id stands for another request.
   */
  async accept(
    requester: Requester,
    request: RunRequest,
    id: string | undefined,
    first: (key: string | null) => Promise<RunAccepted>,
  ): Promise<RunAccepted> {
    if (id === undefined || requester.id === undefined) return first(null);
    // Ids are only unique within a session of a user.
    const key = streamOf(requester.principal, `${requester.id} ${id}`);
    while (this.#asked.has(key)) await this.#asked.get(key);
    const accepted = this.#again(requester, request, id, key, first);
    const over = (): boolean => this.#asked.delete(key);
    this.#asked.set(key, accepted.then(over, over));
    return accepted;
  }

  async #again(
    requester: Requester,
    request: RunRequest,
    id: string,
    key: string,
    first: (key: string) => Promise<RunAccepted>,
  ): Promise<RunAccepted> {
    for (;;) {
      const known = await this.#records.find(key);
      if (known !== undefined) {
        const { run, thread, from, asked } = known;
        if (asked !== fingerprintOf(request)) throw contractError('IDEMPOTENCY_MISMATCH', { id });
        if (await this.#records.hasBegun(known)) {
          await requester.follow(thread, from);
          return { run, thread };
        }
        // Nothing came of it, and the store was not there to be told so.
        await this.#records.forget(known);
      }
      try {
        return await first(key);
      } catch (error) {
        // Another process has begun to accept it at the same time.
        if (!(error instanceof RequestTaken)) throw error;
      }
    }
  }
}
