/**
 * The methods of a chat connection: `run` and `cancel`, checked against the contract.
 */
import { CancelRequest, parseData, RunRequest } from '@muster/contracts';
import type { Given } from '@muster/core';
import type { AgentSupervisor } from './agent-supervisor.ts';
import type { Requester } from './requester.ts';

/**
 * Methods for a handler: `return { methods: runMethods(this.supervisor, session) }`.
 *
 * @param values of your own that classes of the runs depend on, made with `withValue`; asked for with each request.
 */
export function runMethods(
  supervisor: AgentSupervisor,
  requester: Requester,
  values?: () => readonly Given<'run'>[],
): {
  readonly run: (data: unknown, call?: { readonly request?: string }) => Promise<unknown>;
  readonly cancel: (data: unknown) => Promise<void> | undefined;
} {
  return {
    run: async (data, call) => supervisor.accept(valued(requester, values), parseData(RunRequest, data), call?.request),
    cancel: (data) => {
      const { run, reason } = parseData(CancelRequest, data);
      return supervisor.cancel(requester.principal, run, reason ?? null);
    },
  };
}

/** The requester, with values for its run. */
function valued(requester: Requester, values: (() => readonly Given<'run'>[]) | undefined): Requester {
  if (values === undefined) return requester;
  const { principal, permit, id, presence } = requester;
  return {
    principal,
    permit,
    ...(id === undefined ? {} : { id }),
    ...(presence === undefined ? {} : { presence }),
    values: values(),
    follow: (thread, from) => requester.follow(thread, from),
  };
}
