/**
 * The requests of one connection: in order, one at a time, each answered exactly once, each executed at most once.
 *
 * Nothing here reads the socket, so a request that takes long keeps nobody from being heard.
 */
import { MusterError, type Position, type RequestFrame } from '@muster/contracts';
import type { Interceptor } from '@muster/core';
import { serverError } from '../errors.ts';
import type { Answers } from '../session/answers.ts';
import type { Call, Handler } from '../web-socket-factory.ts';
import { Mailbox } from './mailbox.ts';
import { refused } from './response.ts';

/** What requests need of their connection. */
export interface RequestsSurroundings {
  readonly answers: Answers;
  now(): number;
  /** Why nothing is executed now; nothing while requests are served. */
  refusal(): MusterError | undefined;
  /** Sends the text of a response. */
  respond(response: string): void;
  /** Follows a thread that an earlier execution of the same request has followed. */
  refollow(thread: string, position: Position): Promise<void>;
  /** Logs what is not the client's fault and returns the error that it may see. */
  fault(component: string, error: unknown): MusterError;
  /** Id of the connection. */
  readonly id: string;
  /** Who stands around requests, where the app has one. */
  readonly interceptor: Interceptor | undefined;
}

interface Called {
  readonly error?: MusterError;
  readonly result?: unknown;
}

interface Execution {
  readonly followed: Map<string, Position>;
  /** Called when its response has been sent. */
  readonly after: (() => void)[];
}

export class Requests {
  readonly #handler: Handler;
  readonly #around: RequestsSurroundings;
  readonly #mailbox: Mailbox<RequestFrame>;
  #execution: Execution | undefined;

  constructor(handler: Handler, limit: number, around: RequestsSurroundings) {
    this.#handler = handler;
    this.#around = around;
    this.#mailbox = new Mailbox(limit, (request) => this.#handle(request));
  }

  /** Takes a request; answers it at once as not executed where too many wait. */
  post(request: RequestFrame): void {
    if (!this.#mailbox.put(request))
      this.refuse(request.id, serverError('MAILBOX_FULL', { waiting: this.#mailbox.size }));
  }

  /** Begins to execute what waits. */
  open(): void {
    this.#mailbox.open();
  }

  close(): void {
    this.#mailbox.close();
  }

  /** Resolves when no request is being handled and none waits. */
  idle(): Promise<void> {
    return this.#mailbox.idle();
  }

  refuse(id: string, error: MusterError): void {
    this.#around.respond(JSON.stringify(refused(id, error)));
  }

  /** Beside the mailbox: a cancel must not wait behind the requests that it is about. */
  async cancel(run: string, reason: string | undefined): Promise<MusterError | undefined> {
    const called = await this.#call('cancel', { run, reason }, {});
    return called.error;
  }

  /**
   * Notes that the request that is being executed follows a thread.
   *
   * @param release called when its response has been sent; at once where nothing is being executed.
   */
  followed(thread: string, position: Position, release: () => void): void {
    if (this.#execution === undefined) return release();
    this.#execution.followed.set(thread, position);
    this.#execution.after.push(release);
  }

  async #handle(request: RequestFrame): Promise<void> {
    const around = this.#around;
    const { answers } = around;
    const { id } = request;
    try {
      const fingerprint = fingerprintOf(request);
      const known = answers.find(id, fingerprint);
      if (known !== undefined) return await this.#repeat(known);
      const refusal = this.#around.refusal();
      if (refusal !== undefined) return this.refuse(id, refusal);
      const execution: Execution = { followed: new Map(), after: [] };
      this.#execution = execution;
      const executed = this.#execute(request);
      const response = executed.then(({ text }) => text);
      answers.keep(id, { fingerprint, response, followed: execution.followed }, around.now());
      const { text, isFinal } = await executed;
      if (!isFinal) answers.forget(id);
      around.respond(text);
      this.#execution = undefined;
      for (const then of execution.after) then();
    } catch (error) {
      this.#execution = undefined;
      this.refuse(id, error instanceof MusterError ? error : this.#around.fault('requests', error));
    }
  }

  /** Executed before, maybe on another connection: the same answer, and the same threads. */
  async #repeat({ response, followed }: { response: Promise<string>; followed: ReadonlyMap<string, Position> }) {
    this.#around.respond(await response);
    for (const [thread, position] of followed) await this.#around.refollow(thread, position);
  }

  /** Runs the method. What was refused for now is not final: the same request may succeed later. */
  async #execute(request: RequestFrame): Promise<{ text: string; isFinal: boolean }> {
    const { id, method, data, traceparent } = request;
    const { interceptor, id: connection } = this.#around;
    const work = (): Promise<Called> => this.#call(method, data, { request: id });
    const about = { connection, request: id, method, traceparent };
    const { error, result } = await (interceptor === undefined ? work() : interceptor.aroundRequest(about, work));
    if (error !== undefined) return { text: JSON.stringify(refused(id, error)), isFinal: error.fatal };
    try {
      return { text: JSON.stringify({ type: 'response', id, ok: true, data: result ?? null }), isFinal: true };
    } catch (unserialisable) {
      // A circle or a bigint in the result: a bug of the handler, and still exactly one answer.
      const fault = this.#around.fault(`the result of method ${method}`, unserialisable);
      return { text: JSON.stringify(refused(id, fault)), isFinal: true };
    }
  }

  /** Calls one method of the handler; never rejects. */
  async #call(method: string, data: unknown, call: Call): Promise<Called> {
    const { methods } = this.#handler;
    // Own properties only: a client must not reach what objects inherit.
    const found = Object.hasOwn(methods, method) ? methods[method] : undefined;
    if (found === undefined) return { error: serverError('METHOD_UNKNOWN', { method, known: Object.keys(methods) }) };
    try {
      return { result: await found(data, call) };
    } catch (error) {
      return { error: error instanceof MusterError ? error : this.#around.fault(`method ${method}`, error) };
    }
  }
}

function fingerprintOf({ method, data }: RequestFrame): string {
  // Loaded at the first use: a start of a process has no request yet.
  const { createHash } = process.getBuiltinModule('node:crypto');
  return createHash('sha256')
    .update(`${method}\n${JSON.stringify(data) ?? ''}`)
    .digest('base64');
}
