/**
 * What a backend does to itself when `HARM` says so: it dies, or its disk is full, at exactly one of its durable writes.
 *
 * `kill:7:before` kills it when the seventh write after the first request is about to begin, and only after everything
 * that the process wanted to say until then has been sent; `kill:7:after` when that write is on the disk and nobody knows
 * of it yet; `full:7` lets it fail. With the name of an event, `kill:tool_executing:after`, it is the first write that
 * has such an event of a user.
 */
import { LmdbStorage } from '@muster/lmdb';

/** So many turns of the event loop let everything out that does not wait for the write, also where it waits for other writes. */
const TURNS = 5_000;

type Work = Parameters<LmdbStorage['write']>[0];

let writes = 0;
let isArmed = false;

/** Counts from now on. */
export function arm(): void {
  isArmed = true;
}

export function harm(plan: string | undefined): void {
  if (plan === undefined) return;
  const [what, which, when] = plan.split(':') as [string, string, string | undefined];
  const write = Reflect.get(LmdbStorage.prototype, 'write') as (this: LmdbStorage, work: Work) => Promise<void>;
  LmdbStorage.prototype.write = async function (work) {
    if (!isArmed) return write.call(this, work);
    writes += 1;
    if (writes !== Number(which) && !hasEvent(work, which)) return write.call(this, work);
    process.stdout.write('\nharmed itself\n');
    if (what === 'full') throw Object.assign(new Error('no room'), { code: 'DISK_FULL' });
    if (when === 'after') await write.call(this, work);
    else for (let turn = 0; turn < TURNS; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    process.kill(process.pid, 'SIGKILL');
    return new Promise(() => {});
  };
}

/** Whether a write has such an event with a text of a user: the app tries itself now and then. Nothing is written. */
function hasEvent(work: Work, event: string): boolean {
  let isThere = false;
  work({
    put: (_table, _key, value) => {
      // One value can have events of several runs.
      const events = value.toString('utf8').split('{"id":');
      isThere ||= events.some((text) => text.includes(`"event":"${event}"`) && text.includes('canary'));
    },
    remove: () => {},
  });
  return isThere;
}
