/**
 * What a backend does to itself when `HARM` says so: it dies, or its disk is full, at exactly one of its durable writes.
 *
 * `kill:7:before` kills it when the seventh write after the first request is about to begin, and only after everything
 * that the process wanted to say until then has been sent; `kill:7:after` when that write is on the disk and nobody knows
 * of it yet, `kill:tool_executing:after` with the first write that has this event of a user; `full:7` lets the seventh fail.
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
  const [what, which, when] = plan.split(':') as [string, string, string | undefined];
  const write = Reflect.get(LmdbStorage.prototype, 'write') as (this: LmdbStorage, work: Work) => Promise<void>;
  const number = Number(which);
  LmdbStorage.prototype.write = async function (work) {
    if (!isArmed) return write.call(this, work);
    writes += 1;
    if (Number.isNaN(number)) {
      if (await writeLooking(which, (looked) => write.call(this, looked), work)) return die();
      return;
    }
    if (writes !== number) return write.call(this, work);
    process.stdout.write('\nharmed itself\n');
    if (what === 'full') throw Object.assign(new Error('no room'), { code: 'DISK_FULL' });
    if (when === 'after') await write.call(this, work);
    else for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    return die();
  };
}

/** @returns whether anything that was written has that event with a text of a user: the app tries itself now and then. */
async function writeLooking(event: string, write: (work: Work) => Promise<void>, work: Work): Promise<boolean> {
  let isThere = false;
  await write((writes) =>
    work({
      ...writes,
      put: (table, key, value) => {
        // One value can have events of several runs.
        const events = value.toString('utf8').split('{"id":');
        isThere ||= events.some((text) => text.includes(`"event":"${event}"`) && text.includes('canary'));
        writes.put(table, key, value);
      },
    }),
  );
  return isThere;
}

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}
