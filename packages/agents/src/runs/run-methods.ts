/**
 * The methods of a chat connection: `run` and `cancel`, checked against the contract.
 */
import { CancelRequest, parseData, RunRequest } from '@muster/contracts';
import type { AgentSupervisor } from './agent-supervisor.ts';
import type { Requester } from './requester.ts';

/** Methods for a handler: `return { methods: runMethods(this.supervisor, session) }`. */
export function runMethods(
  supervisor: AgentSupervisor,
  requester: Requester,
): {
  run(data: unknown, call?: { readonly request?: string }): Promise<unknown>;
  cancel(data: unknown): Promise<void> | undefined;
} {
  return {
    run: async (data, call) => supervisor.accept(requester, parseData(RunRequest, data), call?.request),
    cancel: (data) => {
      const { run, reason } = parseData(CancelRequest, data);
      return supervisor.cancel(requester.principal, run, reason ?? null);
    },
  };
}
