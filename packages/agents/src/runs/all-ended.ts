/**
 * Resolves when all of them have; rejects with the reason of the first in the list that failed, and not before all have
 * ended: what is taken back then is there to be taken back.
 */
export async function allEnded(works: readonly Promise<unknown>[]): Promise<void> {
  for (const work of await Promise.allSettled(works)) if (work.status === 'rejected') throw work.reason;
}
