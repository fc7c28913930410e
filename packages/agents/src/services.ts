/**
 * `...agents()`: everything that runs need, beside the agents themselves.
 */
import type { ThreadStore as ThreadStorePort } from '@muster/contracts';
import { type Class, provide, type Registration } from '@muster/core';
import { AgentRegistry } from './agents/agent-registry.ts';
import { AgentSupervisor } from './runs/agent-supervisor.ts';
import { ProbeAgent, RunProbe } from './runs/run-probe.ts';
import { ExecutionEngineFactory } from './runs/execution-engine-factory.ts';
import { KeyValueThreadStore } from './threads/key-value-thread-store.ts';
import { ThreadService } from './threads/thread-service.ts';
import { ThreadStore } from './threads/thread-store.ts';

/** @param options `threadStore`: where threads are kept. @default KeyValueThreadStore, in the app's key-value store */
export function agents(
  options: { readonly threadStore?: Class<ThreadStorePort> } = {},
): readonly (Class | Registration)[] {
  const { threadStore = KeyValueThreadStore } = options;
  return [
    AgentRegistry,
    AgentSupervisor,
    ExecutionEngineFactory,
    ThreadService,
    provide(ThreadStore, threadStore),
    ProbeAgent,
    RunProbe,
  ];
}
