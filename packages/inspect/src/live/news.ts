/** What happened last, as lines: the events themselves are kept, and put into words when somebody reads them. */
import { eventLines, reasonOf, redact, type RuntimeEvent } from '@muster/core';
import type { NewsLine } from './overview.ts';

const KEPT = 300;

const TROUBLE: ReadonlySet<RuntimeEvent['type']> = new Set([
  'boot-failed',
  'attempt-failed',
  'crashed',
  'escalated',
  'gate-closed',
  'lagged',
  'stop-failed',
  'client-error',
  'fault',
]);

export class News {
  readonly #events: { readonly n: number; readonly event: RuntimeEvent }[] = [];
  #n = 0;

  take(event: RuntimeEvent): void {
    if (!isNews(event)) return;
    this.#n += 1;
    this.#events.push({ n: this.#n, event });
    if (this.#events.length > KEPT) this.#events.shift();
  }

  /** The newest 300 behind a number, the newest last. */
  since(n: number): readonly NewsLine[] {
    return this.#events
      .filter((each) => each.n > n)
      .map(({ n: number, event }) => ({
        n: number,
        at: event.at,
        type: event.type,
        text: textOf(event),
        isTrouble: isTrouble(event),
      }));
  }
}

/** Moves of connections and runs are too many, and stand elsewhere; those of services say what their own events do not. */
function isNews(event: RuntimeEvent): boolean {
  if (event.type === 'moved')
    return event.machine === 'service' || event.machine === 'gate' || event.machine === 'factory';
  return event.type !== 'tool-ended' && (event.type !== 'deep-check' || event.verdict === 'failed');
}

function isTrouble(event: RuntimeEvent): boolean {
  if (event.type === 'health-changed') return event.to === 'unhealthy';
  if (event.type === 'degraded') return event.by.length > 0;
  if (event.type === 'deep-check') return event.verdict === 'failed';
  if (event.type === 'run-ended') return event.status === 'failed';
  if (event.type === 'moved') return event.to === 'failed' || event.to === 'skipped';
  return TROUBLE.has(event.type);
}

function textOf(event: RuntimeEvent): string {
  switch (event.type) {
    case 'moved':
      return `${event.machine} ${event.subject}: ${event.from} → ${event.to}`;
    case 'client-error':
      return `connection ${event.connection} was told ${event.code} [${event.correlation}]`;
    case 'run-begun':
      return `run ${event.run} of ${event.agent} ${event.isResumed ? 'goes on here' : 'began'}`;
    case 'run-ended': {
      const code = event.code === null ? '' : ` (${event.code})`;
      return `run ${event.run} of ${event.agent} ended: ${event.status}${code}, ${event.events} events`;
    }
    case 'run-left':
      return `run ${event.run} of ${event.agent} is carried here no more`;
    case 'deep-check':
      return `deep check of ${event.service}: ${event.verdict}`;
    case 'fault': {
      const correlation = event.correlation === null ? '' : ` [${event.correlation}]`;
      return `${event.component}${correlation}: ${reasonOf(event.error)}`;
    }
    default:
      return redact(
        eventLines(event)
          .map((line) => line.trim())
          .join(' '),
      );
  }
}
