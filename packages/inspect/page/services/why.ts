/** Says of one service why it is up or not, and what to do: what `muster explain` says, for the page. */
import type { DumpNode } from '@muster/contracts';
import type { Lane } from '../../src/live/overview.ts';
import { standingOf } from '../standing.ts';

export interface Why {
  /** One sentence. */
  readonly text: string;
  /** What it waits for. */
  readonly causes: readonly string[];
  readonly advice: string | null;
}

const NOUN: Readonly<Record<DumpNode['kind'], string>> = {
  service: 'A service',
  task: 'A task',
  factory: 'A factory behind the gate',
  scoped: 'A class with one instance per use',
  value: 'A value',
  opaque: 'A binding that is made by a function',
};

export function nounOf({ kind }: DumpNode): string {
  return NOUN[kind];
}

export function whyOf(node: DumpNode, lane: Lane | undefined): Why {
  const causes = node.blockedBy.filter((id) => id !== node.id);
  const isTrouble = ['bad', 'warn'].includes(standingOf(node).tone);
  const hint = isTrouble ? (lane?.lastError?.hint ?? null) : null;
  const { text, advice } = told(node, causes);
  return { text, causes: node.phase === 'registered' ? [] : causes, advice: hint ?? advice };
}

function told(node: DumpNode, causes: readonly string[]): { text: string; advice: string | null } {
  const because = node.reason === null ? '' : `: ${node.reason}`;
  switch (node.phase) {
    case 'registered':
      return { text: 'It has not been started.', advice: null };
    case 'waiting':
      return causes.length > 0
        ? { text: 'It waits for what it needs.', advice: 'It starts when that is ready; look there.' }
        : { text: 'It is about to start.', advice: null };
    case 'starting':
      return { text: node.progress === null ? 'It is starting.' : `It is starting: ${node.progress}`, advice: null };
    case 'backoff':
      return { text: `It failed${because}`, advice: 'It is tried again after a pause; mend what the reason says.' };
    case 'failed':
      return {
        text: `It failed${because}`,
        advice: 'Nothing tries it again. Mend what the reason says, then start again.',
      };
    case 'skipped':
      return { text: `It was not started${because}`, advice: 'It needs nothing itself; mend what it waited for.' };
    case 'standby':
      return { text: 'Another instance has the lead; it starts here when this one gets it.', advice: null };
    case 'completed':
      return { text: 'It has done its work.', advice: null };
    case 'stopping':
      return { text: 'It is stopping.', advice: null };
    case 'stopped':
      return { text: `It has been stopped${node.job === null ? '' : ` because of ${node.job.cause}`}.`, advice: null };
    case 'running':
      return running(node, because);
    case '-':
      return { text: 'It has no life of its own.', advice: null };
    default:
      return { text: `It is ${standingOf(node).word}${because}`, advice: null };
  }
}

function running(node: DumpNode, because: string): { text: string; advice: string | null } {
  switch (node.health) {
    case 'unhealthy':
      return {
        text: `It runs, and is unhealthy${because}`,
        advice: node.shared
          ? 'It is asked again every second, and what needs it goes on without it. See what its check() reports.'
          : 'It is asked again every second, and gates that need it stay closed until it answers well.',
      };
    case 'degraded':
      return { text: `It runs, and is degraded${because}`, advice: null };
    case 'unchecked':
      return { text: 'It runs. It has no check, so nobody asks it how it is.', advice: null };
    case 'unknown':
      return { text: 'It runs, and has not answered its first check yet.', advice: null };
    default:
      return { text: 'It runs, and answers well.', advice: null };
  }
}
