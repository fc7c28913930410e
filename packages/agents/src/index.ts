/** Agents, tools, runs and threads; needs no socket. */
export { agents } from './services.ts';
export {
  agent,
  type Agent,
  type AgentContext,
  type OnDisconnect,
  type OnTakeover,
  type RunInput,
  type RunResult,
} from './agents/agent.ts';
export { AgentRegistry } from './agents/agent-registry.ts';
export { CONTENT_DEFAULTS, ContentPolicy } from './content/content-policy.ts';
export { AGENT_ERRORS } from './errors.ts';
export { AgentSupervisor } from './runs/agent-supervisor.ts';
export { ExecutionEngineFactory } from './runs/execution-engine-factory.ts';
export type { Presence, Requester } from './runs/requester.ts';
export { RUN_LIMITS, RunLimits } from './runs/run-limits.ts';
export { runMethods } from './runs/run-methods.ts';
export { KeyValueThreadStore } from './threads/key-value-thread-store.ts';
export { threadMethods } from './threads/thread-methods.ts';
export { ThreadService } from './threads/thread-service.ts';
export { ThreadStore } from './threads/thread-store.ts';
export { defineTool, type JsonSchema, type Tool, type ToolContext } from './tools/define-tool.ts';
