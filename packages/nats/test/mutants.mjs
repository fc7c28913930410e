/**
 * For each mechanism of the two ports on JetStream a package without it, and a test that has to fail then.
 *
 * A mutant is a replacement in one source file. One that no longer fits the source is an error, so that none goes stale.
 */
const src = 'packages/nats/src';
const parts = 'packages/nats/test/parts.test.ts';
const conformance = 'packages/nats/test/conformance.test.ts';
const cluster = 'packages/nats/test/cluster.test.ts';

/** @type {readonly { guarantee: string, name: string, test: string, only: string, file: string, find: string, replace: string }[]} */
export const MUTANTS = [
  {
    guarantee: 'all see what was stored',
    name: 'what is shown is what was published',
    test: conformance,
    only: 'hears of what another instance writes when that is stored',
    file: `${src}/nats-event-log.ts`,
    find: 'live.listen(`${this.#settings.name}.stored.',
    replace: 'live.listen(`${this.#settings.name}.events.',
  },
  {
    guarantee: 'one wins',
    name: 'what was acknowledged counts, without a look at what was stored before it',
    test: cluster,
    only: 'lets exactly one instance win',
    file: `${src}/stream-writer.ts`,
    find: 'return next?.attempt === attempt ? next.sequence : undefined;',
    replace: 'return next?.attempt === attempt || published.ok ? record.previous + 1 : undefined;',
  },
  {
    guarantee: 'one wins',
    name: 'every message counts, whatever it follows',
    test: cluster,
    only: 'lets instances write one stream together',
    file: `${src}/chain.ts`,
    find: 'if (candidate === undefined || candidate.previous === sequence) return candidate;',
    replace: 'return candidate;',
  },
  {
    guarantee: 'who is taken over writes no more',
    name: 'an append is checked with what the one before it has looked at',
    test: conformance,
    only: 'shows each what it asked for',
    file: `${src}/stream-writer.ts`,
    find: 'if (since !== undefined && at > from) break;',
    replace: 'if (since !== undefined && events > 0) break;',
  },
  {
    guarantee: 'gaps are healed',
    name: 'what comes is shown, whatever it follows',
    test: parts,
    only: 'what did not arrive',
    file: `${src}/stream-follower.ts`,
    find: 'if (record.previous > this.#sequence || before !== record.previous) return this.#catchUpTo(record.sequence);',
    replace: '',
  },
  {
    guarantee: 'gaps are healed',
    name: 'a change of a key is shown, whatever it follows',
    test: parts,
    only: 'a watch of keys',
    file: `${src}/key-watch.ts`,
    find: 'if (kept.previous === known && before === known) this.#show(kept);',
    replace: 'if (kept.sequence > known) this.#show(kept);',
  },
  {
    guarantee: 'nothing is missed',
    name: 'nobody looks again after an election or an outage',
    test: parts,
    only: 'is said to be lost, maybe',
    file: `${src}/live-feed.ts`,
    find: 'this.#lost = lost;',
    replace: 'this.#lost = () => void lost;',
  },
  {
    guarantee: 'reads are fresh',
    name: 'a new leader is believed before it has stored anything',
    test: parts,
    only: 'lets nobody read before something has been stored',
    file: `${src}/barrier.ts`,
    find: '        await this.#write();\n        done = now;',
    replace: '        done = now;\n        void this.#write().catch(() => {});',
  },
  {
    guarantee: 'records outlive their owners',
    name: 'keys expire',
    test: cluster,
    only: 'has all that was acknowledged when all servers are killed',
    file: `${src}/nats-key-value-store.ts`,
    find: 'max_msgs_per_subject: HISTORY,',
    replace: 'max_msgs_per_subject: HISTORY,\n      max_age: 1_000_000_000,',
  },
  {
    guarantee: 'offsets outlive events',
    name: 'nothing is kept of a stream whose events are forgotten',
    test: conformance,
    only: 'NatsEventLog',
    file: `${src}/expiry.ts`,
    find: 'await reader.forgetBelow(subject, published.sequence);',
    replace: 'await reader.forgetBelow(subject, published.sequence + 1);',
  },
  {
    guarantee: 'servers repeat what they did',
    name: 'the condition that a subject is empty is left to the servers',
    test: cluster,
    only: 'has servers that store nothing once more',
    file: `${src}/jetstream.ts`,
    find: 'if (expected === 0) return this.#publishFirst(subject, data);',
    replace: '',
  },
  {
    guarantee: 'no more is kept than may be',
    name: 'nobody asks for room',
    test: parts,
    only: 'the room that is left',
    file: `${src}/room.ts`,
    find: 'if (this.#left < bytes) return false;',
    replace: '',
  },
  {
    guarantee: 'refusals are clear',
    name: 'appends wait for as long as it takes',
    test: cluster,
    only: 'refuses more after a while',
    file: `${src}/outage.ts`,
    find: 'return this.ms >= this.#bufferMs;',
    replace: 'return this.ms >= this.#bufferMs * 1_000;',
  },
];
