/** What docs/ says of errors, frames and causes is what the code has: no code without a page, no page without a code. */
import { describe, expect, it } from '@jest/globals';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AGENT_ERRORS } from '@muster/agents';
import { AI_SDK_ERRORS } from '@muster/agents/ai-sdk';
import { CLIENT_ERRORS } from '@muster/client';
import {
  CLIENT_FRAMES,
  CLOSE,
  CONTRACT_ERRORS,
  type ErrorEntries,
  type ErrorEntry,
  isResumable,
  parseClientFrame,
  parseServerFrame,
  retryAfter,
  SERVER_FRAMES,
} from '@muster/contracts';
import { CORE_ERRORS } from '@muster/core';
import { INSPECT_ERRORS } from '@muster/inspect';
import { LMDB_ERRORS } from '@muster/lmdb';
import { NATS_ERRORS } from '@muster/nats';
import { POSTGRES_ERRORS } from '@muster/postgres';
import { SERVER_ERRORS } from '@muster/server';

const root = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

/** The details that an entry's message takes; the compiler asks for every field of every code. */
type Samples<E extends ErrorEntries> = {
  readonly [C in keyof E]: E[C] extends { message: (details: infer D) => string }
    ? unknown extends D
      ? {}
      : D
    : never;
};

const contracts: Samples<typeof CONTRACT_ERRORS> = {
  ILLEGAL_TRANSITION: { machine: 'run r1', state: 'completed', event: 'agent_output', legal: [] },
  FRAME_INVALID: { problem: 'Invalid UUID', path: 'id', type: 'request', request: null },
  IDEMPOTENCY_MISMATCH: { id: '6f8f57b1' },
  DUMP_INVALID: { problem: 'it is no JSON', path: '' },
};

const core: Samples<typeof CORE_ERRORS> = {
  DEPENDENCY_UNDEFINED: { service: 'Chat', list: 'dependsOn', index: 0, declaredAt: null },
  GRAPH_INVALID: { problems: [{ code: 'MISSING', message: 'A needs B, which nobody provides.', hint: 'Add it.' }] },
  BOOT_FAILED: {
    wallMs: 12,
    causes: [{ service: 'Database', declaredAt: 'database.ts:3', description: 'It is down.', action: 'Start it.' }],
    skipped: ['Chat'],
    stopped: [],
  },
  DECLARED_TWICE: { class: 'Chat', kinds: ['service', 'factory'], sites: ['chat.ts:3', null] },
  FACTORY_NOT_JSON: { factory: 'Models', what: 'What its prepare() returned', problem: 'a function at load' },
  FACTORY_NOT_READY: { factory: 'Chat', state: 'initialising' },
  CONSTRUCT_FAILED: { service: 'Chat', reason: 'no key' },
  BINDING_INVALID: { service: 'Pool', key: 'Pool', got: 'a promise' },
  START_FAILED: { service: 'Database', attempt: 1, reason: 'refused' },
  READY_HOOK_FAILED: { service: 'Database', attempt: 1, reason: 'no table' },
  STOP_TIMEOUT: { service: 'Database', method: 'stop', timeoutMs: 3_000 },
  START_TIMEOUT: { service: 'Database', timeoutMs: 15_000, attempt: 2, progress: null },
  FIRST_CHECK_FAILED: { service: 'Database', timeoutMs: 15_000, attempt: 1, reason: 'no answer' },
  BOOT_BUDGET_SPENT: { service: 'Database', budgetMs: 120_000, attempts: 1, reason: 'refused' },
  FACTORY_FAILED: { factory: 'ChatSocket', reason: 'no key' },
  LISTEN_FAILED: { address: '127.0.0.1:3000', reason: 'EADDRINUSE' },
  ABORTED: { what: 'The boot', why: 'stop', reason: 'the app is stopping' },
  GATE_CLOSED: { waitedMs: 10_000, waitingFor: ['Database'] },
  GATE_FULL: { held: 1_000, waitingFor: [] },
  GATE_STOPPED: {},
  PERMIT_DEAD: { what: 'A scope of kind run' },
  SCOPE_CLOSED: { kind: 'run', wanted: 'Notes' },
  SCOPE_STALE: { kind: 'run', wanted: 'Notes' },
  SCOPE_BUSY: { kind: 'run', wanted: 'Notes' },
  SCOPE_CONSTRUCT_FAILED: { class: 'Notes', kind: 'run', reason: 'no key' },
  SCOPE_VALUE_MISSING: { kind: 'run', value: 'Tenant', neededBy: 'Notes' },
  SCOPE_LIMIT: { kind: 'connection', open: 20, limit: 20, retryAfterMs: 1_000 },
  NOT_IN_SCOPE: { name: 'Notes', wanted: 'the app', reason: 'it is scoped' },
  DISPOSE_FAILED: { class: 'Notes' },
  DISPOSE_TIMEOUT: { class: 'Notes', timeoutMs: 5_000 },
  APP_STATE: { state: 'stopped', wanted: 'start()' },
  OPTION_INVALID: { option: 'boot.budgetMs', expected: 'a positive number of milliseconds', got: '-1' },
  NODE_UNKNOWN: { name: 'Databse', near: ['Database'] },
  APPEND_TOO_LARGE: { stream: 's', bytes: 9_000_000, limit: 8_388_608 },
  LOG_BUSY: { waitingBytes: 67_108_000, limit: 67_108_864 },
  LEASE_LOST: { key: 'leases/one', why: 'expired' },
  LEASE_BUSY: { key: 'leases/one', attempts: 5 },
};

const server: Samples<typeof SERVER_ERRORS> = {
  TOKEN_INVALID: { reason: 'hello.auth is missing' },
  TOKEN_EXPIRED: {},
  FORBIDDEN: { reason: 'no seat' },
  TOKEN_OF_ANOTHER: {},
  AUTH_UNAVAILABLE: { correlation: '6f8f57b1' },
  SESSION_EXPIRED: {},
  TOO_MANY_SESSIONS: { sessions: 20, limit: 20 },
  TOO_MANY_HELD: { held: 5, limit: 5 },
  HELLO_EXPECTED: { got: 'request' },
  HELLO_TWICE: {},
  BINARY_FRAME: {},
  MESSAGE_TOO_LARGE: { bytes: 70_000, limit: 65_536 },
  RATE_LIMITED: { what: 'frames', limit: 1_000, retryAfterMs: 1 },
  MAILBOX_FULL: { waiting: 256 },
  METHOD_UNKNOWN: { method: 'nope', known: ['run', 'cancel'] },
  NOT_SERVING: { state: 'degraded' },
  STREAM_UNKNOWN: { stream: 't' },
  STREAMS_FULL: { streams: 64 },
  ACK_BEYOND: { stream: 't', offset: 9, sent: 3 },
  INTERNAL: { correlation: 'c1' },
  PATH_TAKEN: { path: '/ws', factories: ['A', 'B'] },
};

const agents: Samples<typeof AGENT_ERRORS> = {
  AGENT_UNKNOWN: { agent: 'nobody', known: ['guide'] },
  AGENT_DUPLICATE: { agent: 'guide', classes: ['A', 'B'] },
  AGENT_INCOMPLETE: { class: 'Guide' },
  AGENT_OPTION_INVALID: {
    class: 'Guide',
    option: 'onDisconnect',
    expected: "'continue' or { cancelAfterMs }",
    got: '"cancel"',
  },
  NO_AGENTS: {},
  THREAD_NOT_FOUND: { thread: 't1' },
  RUN_NOT_FOUND: { run: 'r1' },
  QUEUE_FULL: { waiting: 1_000, limit: 1_000, retryAfterMs: 5_000 },
  SUBAGENT_FAILED: { agent: 'analyst', run: 'r1', status: 'failed', code: 'RUN_TIMEOUT' },
  AGENTS_TOO_DEEP: { depth: 9, limit: 8 },
  NOT_ACCEPTING: {},
  CONTRACT_VIOLATION: { event: 'agent_thinking', rule: 'the run is completed' },
  RUN_OVERFLOW: { run: 'r1', events: 10_000, bytes: 1_200_000 },
  APPEND_FAILED: { run: 'r1', count: 2 },
  RUN_TIMEOUT: { timeoutMs: 600_000 },
  RUN_FAILED: {},
  RUN_CANCELLED: { reason: null },
  RUN_FENCED: { run: '0f3e' },
  RUN_INTERRUPTED: {},
  TOOL_INPUT_INVALID: { tool: 'search', problems: ['a string is expected'] },
  TOOL_SCHEMA_UNKNOWN: { tool: 'search_docs', vendor: 'valibot' },
  TOOL_TIMEOUT: { tool: 'search', timeoutMs: 30_000 },
  TOOL_FAILED: { tool: 'search' },
};

const client: Samples<typeof CLIENT_ERRORS> = {
  CONNECTION_CLOSED: { code: 4101, reason: '', retry: 'backoff' },
  REQUEST_REFUSED: { code: 'AGENT_UNKNOWN', message: 'There is no agent "x".', retryable: false, details: {} },
  CONNECT_TIMEOUT: { url: 'wss://x/ws', waitedMs: 30_000, last: 'it waits for Database' },
  REQUEST_TIMEOUT: { method: 'run', timeoutMs: 60_000, sent: true },
  REQUEST_TOO_LARGE: { method: 'run', bytes: 70_000, limit: 65_536 },
  CLIENT_QUEUE_FULL: { method: 'run', waiting: 64 },
  EVENTS_LOST: { stream: 't1', why: 'events after the cursor are no longer kept' },
  HANDLER_FAILED: { stream: 't1', event: 'r1:1', attempt: 1 },
  LISTENER_FAILED: {},
  TOKEN_FAILED: {},
  CURSORS_FAILED: { method: 'save' },
  SERVER_ERROR: { code: 'FRAME_INVALID', message: 'The frame is not JSON.', correlation: 'c0ffee' },
  FRAME_UNREADABLE: {},
  NO_WEB_SOCKET: {},
  CLIENT_OPTION_INVALID: { option: 'timeoutMs', got: '-1' },
};

const inspect: Samples<typeof INSPECT_ERRORS> = {
  COMMAND_UNKNOWN: { command: 'chekc', near: ['check'] },
  OPTION_UNKNOWN: { command: 'muster graph', option: '--fromat', near: [] },
  OPTION_MISUSED: { option: '--format', expected: 'text, json, mermaid or dot', got: 'yaml' },
  ARGUMENTS_WRONG: { problem: '<entry> is missing', usage: 'muster check <entry> [options]' },
  FILE_MISSING: { file: 'shpo.ts', near: ['shop.ts'] },
  FILE_UNREADABLE: { file: 'src', reason: 'it is a directory' },
  FILE_UNWRITABLE: { file: 'nowhere/dump.json', reason: 'ENOENT' },
  NO_ENTRY: { command: 'muster check', source: 'dump.json', got: 'a dump' },
  NO_DUMP: { source: 'dump.json', problem: 'it is no JSON', path: '' },
  INSPECT_PORT: { address: '127.0.0.1:9464', reason: 'address already in use' },
  INSPECT_UNGUARDED: { host: '0.0.0.0' },
  URL_UNREACHABLE: { url: 'http://127.0.0.1:3000/muster/graph.json', reason: 'ECONNREFUSED' },
  URL_REFUSED: { url: 'http://127.0.0.1:3000/muster/graph.json', status: 401 },
  URL_WITHOUT_DUMP: { url: 'http://127.0.0.1:3000/muster/graph.json', status: 404 },
  RUN_UNKNOWN: { run: '0b4ea2c1-5d0f-4c8e-9a53-2f6f1f5f0a11', address: 'http://127.0.0.1:9464' },
  ENTRY_BROKEN: { entry: 'shop.ts', problems: ['shop.ts:3: Could not resolve "./orders.ts"'] },
  ENTRY_FAILED: { entry: 'shop.ts', place: 'shop.ts:5', reason: 'DATABASE_URL is not set' },
  ENTRY_EMPTY: { entry: 'main.ts' },
  ENTRY_WITHOUT_APP: { entry: 'shop.ts', exports: [] },
  ENTRY_AMBIGUOUS: { entry: 'shop.ts', candidates: ['shop', 'warehouse'] },
  ENTRY_STARTED: { entry: 'shop.ts', state: 'running' },
  ENTRY_STUCK: { what: 'shop.ts' },
  ENTRY_EXITED: { what: 'shop.ts', code: 0 },
  EXPORT_UNKNOWN: { entry: 'shop.ts', export: 'shpo', near: ['shop'] },
  EXPORT_NO_APP: { entry: 'shop.ts', export: 'port', got: 'a number' },
  MAKER_FAILED: { entry: 'shop.ts', export: 'makeApp', place: null, reason: 'no port' },
  CLIENT_NOT_STARTED: { command: 'nope', reason: 'spawn nope ENOENT' },
  INSPECT_FAILED: { reason: 'a bug' },
};

const aiSdk: Samples<typeof AI_SDK_ERRORS> = {
  MODEL_FAILED: { model: 'a-model' },
  MODEL_REFUSED: { model: 'a-model', reason: 'content-filter' },
  MODEL_OUT_OF_STEPS: { model: 'a-model', steps: 8 },
};

const nats: Samples<typeof NATS_ERRORS> = {
  NATS_OPTION_INVALID: { option: 'replicas', expected: '1, 3 or 5', got: '2' },
  NATS_UNREACHABLE: { servers: ['nats://10.0.0.1:4222'], reason: 'connection refused' },
  NATS_NO_JETSTREAM: { servers: ['nats://10.0.0.1:4222'], reason: 'timeout' },
  NATS_STREAM_UNFIT: { stream: 'muster_events', what: 'num_replicas', got: '1', expected: '3' },
  LOG_UNAVAILABLE: { sinceMs: 15_400, retryAfterMs: 5_000 },
  LOG_FULL: {},
  STORE_UNAVAILABLE: { waitedMs: 12_000, reason: 'timeout' },
  NATS_CLOSED: {},
};

const lmdb: Samples<typeof LMDB_ERRORS> = {
  DATA_DIRECTORY_LOCKED: { directory: '/srv/data', pid: 7, since: 1_767_225_600_000, heldMs: 61_000 },
  DATA_DIRECTORY_HELD: { directory: '/srv/data', pid: 7, since: 1_767_225_600_000, heldMs: 61_000, waitedMs: 15_000 },
  DATA_DIRECTORY_UNUSABLE: { directory: '/srv/data', reason: 'it holds an LMDB environment of another program' },
  DISK_FULL: { directory: '/srv/data', bytes: 65_536 },
  WRITE_FAILED: { directory: '/srv/data', reason: 'Input/output error' },
  STORAGE_CLOSED: { directory: '/srv/data' },
};

const postgres: Samples<typeof POSTGRES_ERRORS> = {
  POSTGRES_OPTION_INVALID: { option: 'callMs', expected: 'a whole number', got: '-1' },
  POSTGRES_REFUSED: { target: 'db:5432/chat', reason: 'database "chat" does not exist' },
  POSTGRES_UNREACHABLE: { target: 'db:5432/chat', reason: 'connect ECONNREFUSED' },
  POSTGRES_UNSUITABLE: { target: 'db:5432/chat', encoding: 'LATIN1' },
  POSTGRES_SCHEMA_NEWER: { target: 'db:5432/chat', found: 7, known: 1 },
  POSTGRES_UNAVAILABLE: { reason: 'ECONNREFUSED' },
  POSTGRES_TIMEOUT: { timeoutMs: 10_000 },
  POSTGRES_FAILED: { sqlState: '53100' },
  POSTGRES_CLOSED: {},
};

/** By the heading of their section. */
const CATALOGUES: Readonly<Record<string, { entries: ErrorEntries; samples: Readonly<Record<string, object>> }>> = {
  '@muster/contracts': { entries: CONTRACT_ERRORS, samples: contracts },
  '@muster/core': { entries: CORE_ERRORS, samples: core },
  '@muster/server': { entries: SERVER_ERRORS, samples: server },
  '@muster/agents': { entries: AGENT_ERRORS, samples: agents },
  '@muster/agents/ai-sdk': { entries: AI_SDK_ERRORS, samples: aiSdk },
  '@muster/lmdb': { entries: LMDB_ERRORS, samples: lmdb },
  '@muster/nats': { entries: NATS_ERRORS, samples: nats },
  '@muster/postgres': { entries: POSTGRES_ERRORS, samples: postgres },
  '@muster/client': { entries: CLIENT_ERRORS, samples: client },
  '@muster/inspect': { entries: INSPECT_ERRORS, samples: inspect },
};

/** The graph's codes are a type and no value: they are read from the type. */
const graphCodes = new Set(
  [...read('packages/core/src/graph/problems.ts').matchAll(/^ +\| '([A-Z_]+)'/gm)].map(([, code]) => code),
);

/** The parts of a Markdown text below each heading of one level. */
function sections(text: string, mark: '##' | '###'): Map<string, string> {
  const parts = text.split(new RegExp(`^${mark} `, 'm')).slice(1);
  const titles = parts.map((part) => (part.split('\n', 1)[0] as string).trim());
  // A map would hide a heading that stands twice.
  expect(titles).toEqual([...new Set(titles)]);
  return new Map(parts.map((part, index) => [titles[index] as string, part.slice(part.indexOf('\n') + 1)]));
}

const pages = sections(read('docs/errors.md'), '##');
const codesUnder = (title: string): Map<string, string> => sections(pages.get(title) ?? '', '###');
const sorted = (values: Iterable<string | undefined>): (string | undefined)[] => [...values].sort();

const everyEntry = Object.entries(CATALOGUES).flatMap(([title, { entries, samples }]) =>
  Object.entries(entries).map(([code, entry]) => ({
    title,
    code,
    entry: entry as unknown as ErrorEntry<unknown>,
    sample: samples[code],
  })),
);

describe('docs/errors.md', () => {
  it('has a section for each catalogue and one for the graph, and no other', () => {
    expect(sorted(pages.keys())).toEqual(sorted([...Object.keys(CATALOGUES), 'Graph problems']));
    expect(everyEntry.length).toBeGreaterThan(40);
  });

  it.each(Object.keys(CATALOGUES))('explains exactly the codes of %s', (title) => {
    expect(sorted(codesUnder(title).keys())).toEqual(sorted(Object.keys(CATALOGUES[title]?.entries ?? {})));
  });

  it('explains exactly the problems that a graph can have', () => {
    expect(graphCodes.size).toBeGreaterThan(0);
    expect(sorted(codesUnder('Graph problems').keys())).toEqual(sorted(graphCodes));
  });

  it.each(everyEntry)('says of $code when, what to do, the details, and whether to try again', (row) => {
    const text = codesUnder(row.title).get(row.code) ?? '';
    expect(text).toMatch(/^- \*\*When:\*\* \S/m);
    expect(text).toMatch(/^- \*\*What to do:\*\* \S/m);
    expect(/^- \*\*Trying again\*\* (can|cannot) help\b/m.exec(text)?.[1]).toBe(row.entry.fatal ? 'cannot' : 'can');
    const details = /^- \*\*Details:\*\* (.*)$/m.exec(text)?.[1] ?? '';
    const named = [...details.matchAll(/`(\w+)`/g)].map(([, name]) => name);
    expect(sorted(named)).toEqual(sorted(Object.keys(row.sample ?? { missing: true })));
  });

  it.each([...graphCodes])('says of %s when, what to do, and that trying again cannot help', (code) => {
    const text = codesUnder('Graph problems').get(code as string);
    expect(text).toMatch(/^- \*\*When:\*\* \S.*\n- \*\*What to do:\*\* \S.*\n- \*\*Trying again\*\* cannot help\.\n*$/);
  });
});

describe('the catalogues', () => {
  it.each(everyEntry)('make of $code whole sentences without a hole', ({ entry, sample }) => {
    expect(sample).toBeDefined();
    const message = entry.message(sample);
    expect(message).toMatch(/^\S[\s\S]*[^.\s]\.$/);
    // One message says the word itself; everywhere else it is a detail that is missing.
    const told = message.replace('of dependsOn is undefined.', '').replaceAll('`', '');
    expect(`${told} ${entry.hint}`).not.toMatch(/undefined|\[object|NaN/);
    expect(entry.hint).toMatch(/^\S.*\.$/);
  });

  it('share no code, so that a code alone tells what happened', () => {
    const codes = [...everyEntry.map(({ code }) => code), ...graphCodes];
    expect(sorted(codes)).toEqual(sorted(new Set(codes)));
  });
});

describe('docs/protocol.md', () => {
  const protocol = read('docs/protocol.md');
  const frames = [...protocol.matchAll(/```json\n([\s\S]*?)```/g)].map(([, text]) => text as string);

  const typeOf = (text: string): string => (JSON.parse(text) as { type: string }).type;

  it('shows only frames that the contracts accept', () => {
    for (const text of frames) {
      const read = [
        ...(Object.hasOwn(CLIENT_FRAMES, typeOf(text)) ? [parseClientFrame] : []),
        ...(Object.hasOwn(SERVER_FRAMES, typeOf(text)) ? [parseServerFrame] : []),
      ];
      expect(read.length).toBeGreaterThan(0);
      for (const parse of read) expect(parse(text)).toMatchObject({ type: typeOf(text) });
    }
  });

  it('shows every frame that either side can send', () => {
    const declared = new Set([...Object.keys(CLIENT_FRAMES), ...Object.keys(SERVER_FRAMES)]);
    expect(sorted(new Set(frames.map(typeOf)))).toEqual(sorted(declared));
  });

  it('numbers its points without a hole or a repeat', () => {
    const points = [...protocol.matchAll(/^- \*\*P(\d+)\.(\d+)\*\* /gm)].map(([, part, point]) => [
      Number(part),
      Number(point),
    ]);
    points.forEach(([part, point], i) => {
      const [lastPart, lastPoint] = points[i - 1] ?? [0, 0];
      expect([part, point]).toEqual(part === lastPart ? [lastPart, (lastPoint as number) + 1] : [part, 1]);
    });
    expect(new Set(points.map(([part]) => part)).size).toBe([...protocol.matchAll(/^## P\d+ /gm)].length - 1);
  });

  it('lists exactly the close codes, with what to do after each', () => {
    const rows = [...protocol.matchAll(/^\| (\d{4}) \| (\w+) \| (\w+) \|/gm)].map(([, code, name, retry]) => [
      Number(code),
      name,
      retry,
    ]);
    expect(rows).toEqual(Object.entries(CLOSE).map(([name, code]) => [code, name, retryAfter(code)]));
    for (const text of frames) {
      const bye = JSON.parse(text) as { type: string; code: number; name: string; retry: string; resumable: boolean };
      if (bye.type !== 'bye') continue;
      expect(Object.entries(CLOSE)).toContainEqual([bye.name, bye.code]);
      expect([bye.retry, bye.resumable]).toEqual([retryAfter(bye.code), isResumable(bye.code)]);
    }
  });
});

describe('docs/why.md', () => {
  const why = read('docs/why.md');
  const quoted = [...why.matchAll(/`([^`\s]+\.test\.ts)` › "([^"]+)"/g)].map(([, file, name]) => ({
    file: file as string,
    name: name as string,
  }));

  it('names only files that exist', () => {
    const files = [...why.matchAll(/`((?:packages|test|examples|docs|scripts|bench)\/[^`\s]+)`/g)].map(
      ([, file]) => file as string,
    );
    expect(files.length).toBeGreaterThan(40);
    expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([]);
  });

  it('quotes only tests that exist and are not switched off', () => {
    expect(quoted.length).toBe(why.split('›').length - 1);
    const absent = quoted.filter(({ file, name }) => {
      const escaped = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
      const runs = new RegExp(`\\b(?:it|test)(?:\\.each\\([\\s\\S]*?\\))?\\(\\s*(['"\`])${escaped}\\1`);
      const off = new RegExp(`\\b(?:x(?:it|test)|\\w+\\.(?:skip|todo|failing))\\b[^\\n]*\\n?\\s*['"\`]${escaped}`);
      return !existsSync(join(root, file)) || !runs.test(read(file)) || off.test(read(file));
    });
    expect(absent).toEqual([]);
  });

  it('has a mechanism, a file and a test in every row, or says that there is none yet', () => {
    const rows = why
      .split('\n')
      .filter((line) => line.startsWith('| ') && !line.startsWith('| mechanism'))
      .map((line) => line.slice(2, -2).split(' | '));
    expect(rows.length).toBeGreaterThan(30);
    expect(rows.filter((row) => row.length !== 3)).toEqual([]);
    expect(rows.filter(([, file]) => !/^(`[^`]+`|not yet)$/.test(file as string))).toEqual([]);
    expect(rows.filter(([, , test]) => !/^(`[^`]+` › "[^"]+"|not yet)$/.test(test as string))).toEqual([]);
  });
});
