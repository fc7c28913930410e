/**
 * The methods of a chat connection that concern threads: list, read, rename, delete.
 */
import { parseData, RenameRequest, ThreadRequest } from '@muster/contracts';
import type { Principal } from '@muster/core';
import type { AgentSupervisor } from '../runs/agent-supervisor.ts';
import type { ThreadService } from './thread-service.ts';

/** Methods for a handler: `return { methods: { ...runMethods(…), ...threadMethods(threads, supervisor, session) } }`. */
export function threadMethods(
  threads: ThreadService,
  supervisor: AgentSupervisor,
  { principal }: { readonly principal: Principal },
) {
  return {
    threads: async () => ({ threads: await threads.list(principal) }),
    'threads.messages': async (data: unknown) => {
      const { thread } = parseData(ThreadRequest, data);
      return { messages: await threads.messages(principal, thread) };
    },
    'threads.rename': async (data: unknown) => {
      const { thread, title } = parseData(RenameRequest, data);
      await threads.rename(principal, thread, title);
      return {};
    },
    /** What runs in it is cancelled first, so that nothing comes after the end. */
    'threads.delete': async (data: unknown) => {
      const { thread } = parseData(ThreadRequest, data);
      await supervisor.endThread(principal, thread, 'its thread is deleted');
      await threads.remove(principal, thread);
      return {};
    },
  };
}
