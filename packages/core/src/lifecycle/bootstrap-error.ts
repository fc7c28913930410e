/**
 * What a failed boot says: the root causes, each with an action, and what happened because of them.
 */
import { causeChain, MusterError } from '@muster/contracts';
import { CORE_ERRORS } from '../errors.ts';
import type { GraphView } from '../graph-view.ts';
import type { AbandonedWhy } from './abandoned.ts';
import { reasonOf } from '../redact.ts';

/** One root cause of a failed boot. */
export interface BootCause {
  readonly service: string;
  readonly error: unknown;
}

/** One thing that happened in a boot, `atMs` after its beginning. */
export interface BootMoment {
  readonly atMs: number;
  readonly service: string;
  readonly what: string;
}

/** What an engine knows of a boot that failed. */
export interface BootFacts {
  readonly wallMs: number;
  readonly causes: readonly BootCause[];
  readonly abandoned: { readonly why: AbandonedWhy; readonly text: string } | undefined;
  readonly blockedBy: readonly string[];
  /** What those that block it said last, where they said anything. */
  readonly reasons?: ReadonlyMap<string, string>;
  readonly skipped: readonly string[];
  readonly stopped: readonly string[];
  readonly timeline: readonly BootMoment[];
}

/** Why a boot failed, with everything that is known of it. */
export class BootstrapError extends MusterError {
  override readonly name = 'BootstrapError';
  /** Everything that happened, in its order. */
  readonly timeline: readonly BootMoment[];
  /** The dump of the failed boot. */
  readonly graph: GraphView;

  constructor(facts: BootFacts, declaredAt: (service: string) => string | null, graph: GraphView) {
    const details = detailsOf(facts, declaredAt);
    const { message, hint } = CORE_ERRORS.BOOT_FAILED;
    super('BOOT_FAILED', { message: message(details), hint }, details, causeOf(facts.causes));
    this.timeline = facts.timeline;
    this.graph = graph;
  }
}

function detailsOf(facts: BootFacts, declaredAt: (service: string) => string | null) {
  const causes = facts.causes.map(({ service, error }) => ({
    service,
    declaredAt: declaredAt(service),
    description: reasonOf(error),
    action: error instanceof MusterError ? actionOf(error) : 'See the cause of this error.',
  }));
  const said = (service: string): string => {
    const reason = facts.reasons?.get(service);
    return reason === undefined ? '' : `: ${reason}`;
  };
  if (causes.length === 0 || facts.abandoned?.why === 'budget') {
    const known = new Set(causes.map(({ service }) => service));
    causes.push(
      ...facts.blockedBy
        .filter((service) => !known.has(service))
        .map((service) => ({
          service,
          declaredAt: declaredAt(service),
          description: `It turned unhealthy and did not recover before ${facts.abandoned?.text ?? 'the boot ended'}${said(service)}.`,
          action: 'See what its check() reports.',
        })),
    );
  }
  const { wallMs, skipped, stopped } = facts;
  return { wallMs: Math.round(wallMs), causes, skipped, stopped };
}

function causeOf(causes: readonly BootCause[]): unknown {
  if (causes.length < 2) return causes[0]?.error;
  return new AggregateError(
    causes.map(({ error }) => error),
    'Several services failed',
  );
}

/** The innermost hint is the nearest to what has to be done. */
function actionOf(error: MusterError): string {
  const hints = [...causeChain(error)].map((cause) => (cause as { hint?: unknown }).hint);
  return hints.filter((hint) => typeof hint === 'string').at(-1) ?? error.hint;
}
