/**
 * What a backend does to itself when `HARM` says so: it dies, or its disk is full, at exactly one of its durable writes.
 *
 * `kill:7:before` kills it when the seventh write after the first connection is about to begin, and only after everything
 * that the process wanted to say until then has been sent; `kill:7:after` when that write is on the disk and nobody knows
 * of it yet; `full:7` lets the seventh fail.
 */
import { LmdbStorage } from '@muster/lmdb';

/** So many turns of the event loop let everything out that does not wait for the write. */
const TURNS = 50;

let writes = 0;
let isArmed = false;

/** Counts from now on. */
export function arm(): void {
  isArmed = true;
}

type Work = Parameters<LmdbStorage['write']>[0];

export function harm(plan: string | undefined): void {
  if (plan === undefined) return;
  const [what, which, when] = plan.split(':');
  const write = Reflect.get(LmdbStorage.prototype, 'write') as (this: LmdbStorage, work: Work) => Promise<void>;
  LmdbStorage.prototype.write = async function (work) {
    if (isArmed) writes += 1;
    if (!isArmed || writes !== Number(which)) return write.call(this, work);
    process.stdout.write('\nharmed itself\n');
    if (what === 'full') throw Object.assign(new Error('no room'), { code: 'DISK_FULL' });
    if (when === 'after') await write.call(this, work);
    else for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
}
