/** The formal contracts that server, client and agents share. Runs in browsers; depends on valibot alone. */
export {
  AgentEvent,
  type AgentEventName,
  EVENT_DATA,
  type EndedBy,
  type EventData,
  type RunStatus,
  type ToolStatus,
  type UserError,
  Alteration,
} from './agent-events.ts';
export {
  type AckFrame,
  type AuthFrame,
  CancelRequest,
  CLIENT_FRAMES,
  type ClientFrame,
  type ClientFrameInput,
  type Credentials,
  type HelloFrame,
  parseClientFrame,
  parseData,
  type PullFrame,
  type RequestFrame,
  RenameRequest,
  RunRequest,
  ThreadRequest,
  type RunRequestInput,
  type SubscribeFrame,
} from './client-frames.ts';
export type { Clock, Random, Timer } from './clock.ts';
export { CLOSE, type CloseName, isResumable, type Retry, retryAfter } from './close-codes.ts';
export { CONNECTION, type ConnectionState } from './connection-state.ts';
export { CONTRACT_ERRORS, contractError } from './errors.ts';
export {
  type BudgetVerdict,
  type DumpEdge,
  type DumpNode,
  GRAPH_FORMAT,
  GraphDump,
  type Job,
  parseGraphDump,
} from './graph-dump.ts';
export {
  causeChain,
  type ErrorEntries,
  type ErrorEntry,
  type ErrorMaker,
  errorsFrom,
  messageOf,
  MusterError,
} from './muster-error.ts';
export { FRAME_BOUNDS, SUBPROTOCOL } from './frame-parts.ts';
export type { Position, StreamInfo } from './position.ts';
export { RUN, TOOL } from './run-state.ts';
export {
  type ByeFrame,
  type ClientLimits,
  type DrainFrame,
  type Durability,
  type ErrorFrame,
  type EventsFrame,
  parseServerFrame,
  type ResponseFrame,
  type RunAccepted,
  SERVER_FRAMES,
  type ServerFrame,
  type StreamStatus,
  type WelcomeFrame,
  type WireError,
} from './server-frames.ts';
export type { MessageStatus, ThreadMessage, ThreadStore, ThreadSummary } from './thread-store.ts';
export {
  type EventOf,
  type MoveObserver,
  StateMachine,
  type StateOf,
  type Transition,
  type TransitionTable,
} from './transition-table.ts';
