/**
 * What each service did since the boot began: its pieces of time, its latest news, and what went wrong last.
 *
 * Made of runtime events alone, and bounded: a service that fails for weeks has as long a history as any other.
 */
import { MusterError } from '@muster/contracts';
import { reasonOf, redact, type RuntimeEvent } from '@muster/core';
import { isRestart } from '../is-restart.ts';
import type { Lane, Span } from './overview.ts';

/** How many lines of its history a service keeps. */
const HISTORY = 20;
/** Pieces of time that are kept of one service; one that is tried for ever has no end of them. */
const SPANS = 40;

/** How the time of `starting` was spent, as the dump tells it once it is over. */
export interface StartTimes {
  readonly startMs: number | null;
  readonly checkMs: number | null;
  readonly hookMs: number | null;
}

interface OpenLane {
  readonly spans: { kind: Span['kind']; from: number; to: number | null }[];
  readonly history: { at: number; text: string; isTrouble: boolean }[];
  restarts: number;
  lastError: Lane['lastError'];
  nextAttemptAt: number | null;
}

const SPAN_OF: Readonly<Record<string, Span['kind']>> = {
  waiting: 'waiting',
  starting: 'starting',
  backoff: 'backoff',
};

export class Lanes {
  readonly #lanes = new Map<string, OpenLane>();
  readonly #changed = new Set<string>();
  #startedAt = 0;

  /** The boot begins, with these services. */
  begin(services: readonly string[], at: number): void {
    this.#startedAt = at;
    for (const id of services) this.#lane(id);
  }

  /** Ids of those of which something is new, once. */
  takeChanged(): readonly string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  get ids(): readonly string[] {
    return [...this.#lanes.keys()];
  }

  /** @param times of the service, where it is known. */
  lane(id: string, times: StartTimes | undefined): Lane {
    const { spans, history, ...rest } = this.#lanes.get(id) ?? newLane();
    return { id, spans: spans.flatMap((span) => parted(span, times)), history: [...history], ...rest };
  }

  take(event: RuntimeEvent): void {
    switch (event.type) {
      case 'moved':
        if (event.machine === 'service' || event.machine === 'factory') this.#moved(event);
        return;
      case 'attempt-failed': {
        const again = event.retryInMs === null ? '' : `; again in ${Math.round(event.retryInMs)} ms`;
        this.#trouble(event.service, event.at, event.error, `attempt ${event.attempt} failed`, again);
        this.#plan(event.service, event.at, event.retryInMs);
        return;
      }
      case 'crashed': {
        const again = event.restartInMs === null ? '' : `; again in ${Math.round(event.restartInMs)} ms`;
        this.#trouble(event.service, event.at, event.error, 'crashed', again);
        this.#plan(event.service, event.at, event.restartInMs);
        return;
      }
      case 'escalated':
        this.#trouble(event.service, event.at, event.error, 'down for good', '');
        return;
      case 'stop-failed':
        this.#trouble(event.service, event.at, event.error, 'did not stop as it should', '');
        return;
      case 'health-changed': {
        const reason = event.reason === null ? '' : `: ${redact(event.reason)}`;
        this.#note(event.service, event.at, `${event.to}${reason}`, event.to === 'unhealthy');
        return;
      }
      case 'degraded': {
        const text = event.by.length === 0 ? 'misses nothing any more' : `goes on without ${event.by.join(', ')}`;
        this.#note(event.service, event.at, text, event.by.length > 0);
        return;
      }
      case 'deep-check':
        if (event.verdict === 'failed') this.#note(event.service, event.at, 'deep check failed', true);
        return;
      default:
      // Nothing else concerns it.
    }
  }

  #moved(event: Extract<RuntimeEvent, { type: 'moved' }>): void {
    const { subject, to, at } = event;
    const lane = this.#lane(subject);
    const since = Math.max(0, at - this.#startedAt);
    const open = lane.spans.at(-1);
    if (open?.to === null) open.to = since;
    const kind = SPAN_OF[to];
    if (kind !== undefined) lane.spans.push({ kind, from: since, to: null });
    if (lane.spans.length > SPANS) lane.spans.shift();
    if (isRestart(event)) lane.restarts += 1;
    lane.nextAttemptAt = null;
    this.#note(subject, at, to, to === 'failed' || to === 'skipped');
  }

  #trouble(id: string, at: number, error: unknown, what: string, next: string): void {
    const message = reasonOf(error);
    const isOurs = error instanceof MusterError;
    const lane = this.#lane(id);
    lane.lastError = { at, code: isOurs ? error.code : 'ERROR', message, hint: isOurs ? error.hint : null };
    this.#note(id, at, `${what}: ${message}${next}`, true);
  }

  /** After the move to `backoff`, which ends what was planned before. */
  #plan(id: string, at: number, inMs: number | null): void {
    this.#lane(id).nextAttemptAt = inMs === null ? null : at + inMs;
  }

  #note(id: string, at: number, text: string, isTrouble: boolean): void {
    const { history } = this.#lane(id);
    history.push({ at, text, isTrouble });
    if (history.length > HISTORY) history.shift();
    this.#changed.add(id);
  }

  #lane(id: string): OpenLane {
    let lane = this.#lanes.get(id);
    if (lane === undefined) {
      lane = newLane();
      this.#lanes.set(id, lane);
      this.#changed.add(id);
    }
    return lane;
  }
}

function newLane(): OpenLane {
  return { spans: [], history: [], restarts: 0, lastError: null, nextAttemptAt: null };
}

/** The start that went well is `start()`, the wait for a healthy check, and hooks; what came before them is `starting` as well. */
function parted(span: Span, times: StartTimes | undefined): Span[] {
  const { kind, from, to } = span;
  const { startMs = null, checkMs, hookMs } = times ?? {};
  if (kind !== 'starting' || to === null || startMs === null) return [span];
  const hooks = hookMs ?? 0;
  const checking = checkMs ?? 0;
  // An attempt that failed took some other time than the one that the dump tells of.
  if (Math.abs(to - from - startMs - checking - hooks) > 5) return [span];
  const checkFrom = from + startMs;
  const hooksFrom = checkFrom + checking;
  return [
    { kind: 'starting', from, to: checkFrom },
    ...(checking > 0 ? [{ kind: 'checking' as const, from: checkFrom, to: hooksFrom }] : []),
    ...(hooks > 0 ? [{ kind: 'hooks' as const, from: hooksFrom, to }] : []),
  ];
}
