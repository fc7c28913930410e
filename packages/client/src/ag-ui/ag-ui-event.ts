/** The events of AG-UI 1.0 that a run becomes; `timestamp` is in milliseconds since 1970. */

interface Stamped {
  readonly timestamp: number;
}

/** Tokens that a run has used, as far as its agent says. */
export interface AgUiUsage {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
}

export type AgUiEvent = Stamped &
  (
    | { readonly type: 'RUN_STARTED'; readonly threadId: string; readonly runId: string; readonly parentRunId?: string }
    | { readonly type: 'REASONING_START' | 'REASONING_END' | 'REASONING_MESSAGE_END'; readonly messageId: string }
    | { readonly type: 'REASONING_MESSAGE_START'; readonly messageId: string; readonly role: 'reasoning' }
    | { readonly type: 'REASONING_MESSAGE_CONTENT'; readonly messageId: string; readonly delta: string }
    | { readonly type: 'TEXT_MESSAGE_START'; readonly messageId: string; readonly role: 'assistant' }
    | { readonly type: 'TEXT_MESSAGE_CONTENT'; readonly messageId: string; readonly delta: string }
    | { readonly type: 'TEXT_MESSAGE_END'; readonly messageId: string }
    | { readonly type: 'TOOL_CALL_START'; readonly toolCallId: string; readonly toolCallName: string }
    | { readonly type: 'TOOL_CALL_ARGS'; readonly toolCallId: string; readonly delta: string }
    | { readonly type: 'TOOL_CALL_END'; readonly toolCallId: string }
    | {
        readonly type: 'TOOL_CALL_RESULT';
        readonly toolCallId: string;
        readonly messageId: string;
        readonly content: string;
        readonly role: 'tool';
      }
    | {
        readonly type: 'RUN_FINISHED';
        readonly threadId: string;
        readonly runId: string;
        readonly outcome: { readonly type: 'success' | 'cancelled' };
        readonly result?: unknown;
        readonly usage?: readonly AgUiUsage[];
      }
    | { readonly type: 'RUN_ERROR'; readonly message: string; readonly code?: string }
  );
