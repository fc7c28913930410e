/**
 * Who stands around what is done for users: requests, runs and calls of tools, for traces and their like.
 *
 * It calls the work it is given exactly once and gives its outcome on; it decides nothing. Provide one under `Interceptor`.
 */
import type { MusterError } from '@muster/contracts';
import { token } from './declare/dependency.ts';

/** A request of a client. */
export interface InterceptedRequest {
  readonly connection: string;
  readonly request: string;
  readonly method: string;
  /** What the client says of the trace that it belongs to, as W3C Trace Context writes it. */
  readonly traceparent: string | undefined;
}

/** A call of a tool. */
export interface InterceptedTool {
  readonly run: string;
  readonly callId: string;
  readonly tool: string;
}

export interface Interceptor {
  /** `work` never rejects: its error stands in what it resolves to. */
  aroundRequest<T extends { readonly error?: MusterError }>(
    about: InterceptedRequest,
    work: () => Promise<T>,
  ): Promise<T>;
  /** What the agent does. The run has been told of as `run-begun` by then. */
  aroundRun<T>(run: string, work: () => Promise<T>): Promise<T>;
  aroundTool<T>(about: InterceptedTool, work: () => Promise<T>): Promise<T>;
  /**
   * Where the present work belongs, as W3C Trace Context writes it; undefined where it belongs to nothing. It is stored beside a
   * run that comes of the work, for the process that carries it on.
   */
  traceparent(): string | undefined;
  /** Has another process's work belong to what that one has stored. */
  within<T>(traceparent: string, work: () => T): T;
  /** A client has processed a stream up to an offset. Called for every ack: it must cost next to nothing. */
  acknowledged(stream: string, offset: number): void;
}
export const Interceptor = token<Interceptor>('Interceptor', {
  methods: ['aroundRequest', 'aroundRun', 'aroundTool', 'traceparent', 'within', 'acknowledged'],
});
