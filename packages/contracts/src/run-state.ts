/**
 * The event contract of an agent run, as two tables.
 *
 *   run  := agent_started ( agent_thinking | agent_output | tool )* agent_completed
 *   tool := tool_executing(callId) … tool_completed(callId)                          interleaved for different callIds
 *
 *   RUN    accepted ─agent_started─▶ running ─agent_completed─▶ completed
 *                                      └─agent_thinking, agent_output, tool_executing, tool_completed─▶ running
 *   TOOL   requested ─tool_executing─▶ executing ─tool_completed─▶ completed
 */
import type { TransitionTable } from './transition-table.ts';

export const RUN = {
  accepted: { agent_started: 'running' },
  running: {
    agent_thinking: 'running',
    agent_output: 'running',
    tool_executing: 'running',
    tool_completed: 'running',
    agent_completed: 'completed',
  },
  completed: {},
} as const satisfies TransitionTable;

export const TOOL = {
  requested: { tool_executing: 'executing' },
  executing: { tool_completed: 'completed' },
  completed: {},
} as const satisfies TransitionTable;
