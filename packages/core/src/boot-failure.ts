/**
 * Turns whatever ended a boot into the one error that `app.start()` rejects with.
 */
import { MusterError } from '@muster/contracts';
import { coreError } from './errors.ts';
import type { GraphNode } from './graph/graph-node.ts';
import type { GraphView } from './graph-view.ts';
import { type BootFacts, BootstrapError } from './lifecycle/bootstrap-error.ts';

/** Carries what an engine knows of a failed boot to where it is told. */
export class BootFailed extends Error {
  readonly facts: BootFacts;

  constructor(facts: BootFacts) {
    super('the boot failed');
    this.facts = facts;
  }
}

/** The error of a boot that was cut short by a stop. */
export function bootAborted(reason: string): MusterError {
  return coreError('ABORTED', { what: 'The boot', why: 'stop', reason });
}

/** An unsound graph and a boot that was cut short are errors of their own; everything else is a failed boot with its causes. */
export function asBootError(
  error: unknown,
  boot: {
    readonly wallMs: number;
    readonly stopped: readonly string[];
    readonly nodes: readonly GraphNode[];
    readonly graph: GraphView;
  },
): MusterError {
  if (error instanceof MusterError && (error.code === 'GRAPH_INVALID' || error.code === 'ABORTED')) return error;
  const facts = error instanceof BootFailed ? error.facts : factsOf(error, boot.wallMs, boot.stopped);
  if (facts.causes.length === 0 && facts.abandoned?.why === 'stop') return bootAborted(facts.abandoned.text);
  const declaredAt = new Map(boot.nodes.map((node) => [node.id, node.provider.declaredAt ?? null]));
  return new BootstrapError(facts, (service) => declaredAt.get(service) ?? null, boot.graph);
}

/** Of what failed outside the engine: building, the gate's factories, the port. */
function factsOf(error: unknown, wallMs: number, stopped: readonly string[]): BootFacts {
  const causes = [{ service: culpritOf(error), error }];
  return { wallMs, causes, abandoned: undefined, blockedBy: [], skipped: [], stopped, timeline: [] };
}

/** Whom an error is about. */
function culpritOf(error: unknown): string {
  const details = error instanceof MusterError ? error.details : {};
  const name = details.service ?? details.factory;
  return typeof name === 'string' ? name : 'server';
}
