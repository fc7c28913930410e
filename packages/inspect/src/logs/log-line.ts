/** A runtime event as a line of a log: how bad it is, what it says, and the ids by which lines of one thing are found. */
import { causeChain, MusterError } from '@muster/contracts';
import { eventLines, redact, type RuntimeEvent } from '@muster/core';
import { escapeStack, escapeText } from '@muster/core/graph';

export type Level = 'debug' | 'info' | 'warn' | 'error';

/** Values are escaped: nothing in them moves a cursor, turns text around, or begins another line. */
export interface LogLine {
  readonly level: Level;
  readonly text: string;
  readonly type: RuntimeEvent['type'];
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The connection, run and correlation that it is about, `null` where it is about none, and what else is known. */
  readonly fields: {
    readonly connection: string | null;
    readonly run: string | null;
    readonly correlation: string | null;
  } & Readonly<Record<string, string | number | boolean | null>>;
  /** Lines of one kind come in floods together. */
  readonly kind: string;
}

const LEVELS: Readonly<Partial<Record<RuntimeEvent['type'], Level>>> = {
  'boot-failed': 'error',
  escalated: 'error',
  fault: 'error',
  'stop-failed': 'error',
  'attempt-failed': 'warn',
  crashed: 'warn',
  'client-error': 'warn',
  'configuration-differs': 'warn',
  'gate-closed': 'warn',
  lagged: 'warn',
  'deep-check': 'debug',
  progress: 'debug',
  'run-begun': 'debug',
  'tool-ended': 'debug',
};

export function logLine(event: RuntimeEvent): LogLine {
  const { type, at } = event;
  const text = textOf(event);
  const fields = { connection: null, run: null, correlation: null, ...escaped(fieldsOf(event)) };
  return { level: levelOf(event), text, type, at, fields, kind: kindOf(event) };
}

/** How bad it is; a line is made only of what is wanted. */
export function levelOf(event: RuntimeEvent): Level {
  if (event.type === 'health-changed') return event.to === 'healthy' ? 'info' : 'warn';
  if (event.type === 'degraded') return event.by.length > 0 ? 'warn' : 'info';
  if (event.type === 'deep-check' && event.verdict === 'failed') return 'warn';
  if (event.type === 'run-ended') return event.status === 'failed' ? 'warn' : 'info';
  if (event.type === 'moved') return event.machine === 'gate' ? 'info' : 'debug';
  return LEVELS[event.type] ?? 'info';
}

function kindOf(event: RuntimeEvent): string {
  switch (event.type) {
    case 'moved':
      return `moved ${event.machine} ${event.to}`;
    case 'client-error':
      return `client-error ${event.code}`;
    case 'fault':
      return `fault ${event.component}`;
    case 'run-ended':
      return `run-ended ${event.status}`;
    case 'tool-ended':
      return `tool-ended ${event.tool} ${event.status}`;
    default:
      return event.type;
  }
}

function textOf(event: RuntimeEvent): string {
  switch (event.type) {
    case 'moved':
      return escapeText(`${event.machine} ${event.subject} is ${event.to}`);
    case 'client-error':
      return `A client was told ${escapeText(event.code)}`;
    case 'run-begun':
      return `A run of ${escapeText(event.agent)} ${event.isResumed ? 'goes on here' : 'has begun'}`;
    case 'tool-ended':
      return `A call of ${escapeText(event.tool)} ended: ${escapeText(event.status)}`;
    case 'run-left':
      return `A run of ${escapeText(event.agent)} is carried here no more`;
    case 'run-ended':
      return `A run of ${escapeText(event.agent)} ended: ${escapeText(event.status)}`;
    case 'deep-check':
      return `Deep check of ${escapeText(event.service)}: ${event.verdict}`;
    case 'fault':
      return `Something failed in ${escapeText(event.component)}`;
    default:
      return eventLines(event)
        .map((line) => line.replace(/^\s*[●✘◐◑◒◌○]\s*/u, '').trim())
        .join(' ');
  }
}

type Fields = Readonly<Record<string, string | number | boolean | null>>;

/** What is one value each; lists and errors become texts. */
function fieldsOf(event: RuntimeEvent): Fields {
  const fields: Record<string, string | number | boolean | null> = {};
  for (const [name, value] of Object.entries(event)) {
    if (name === 'type' || name === 'at') continue;
    if (name === 'error') Object.assign(fields, errorFields(value));
    else if (Array.isArray(value)) fields[name] = value.join(', ');
    else if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) fields[name] = value as string;
  }
  if (event.type === 'moved' && event.machine === 'connection') fields['connection'] = event.subject;
  if (event.type === 'moved' && event.machine === 'run') fields['run'] = event.subject;
  return fields;
}

function errorFields(error: unknown): Fields {
  const stack = [...causeChain(error)].map((each) =>
    each instanceof Error ? (each.stack ?? each.message) : String(each),
  );
  const code = error instanceof MusterError ? { code: error.code, hint: error.hint } : {};
  return { ...code, error: redact(stack.join('\nCaused by: ')) };
}

function escaped(fields: Fields): Fields {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [name, typeof value === 'string' ? escapeStack(value) : value]),
  );
}
