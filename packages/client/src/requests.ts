/**
 * Requests that have no answer yet. Each resolves or rejects exactly once.
 *
 * The id of a request is its idempotency key: what a lost connection left unanswered is sent again under the same id,
 * and the server executes it once.
 */
import type { Clock, MusterError, ResponseFrame, Timer, WireError } from '@muster/contracts';
import { Backoff } from './backoff.ts';
import { clientError } from './errors.ts';
import type { Settings } from './options.ts';

/** How often a request is refused as retryable before that is its answer. */
export const MAX_REFUSALS = 5;

export interface RequestOptions {
  /** Gives up waiting for the answer; what was sent may be executed all the same. */
  readonly signal?: AbortSignal;
  /** How long to wait for the answer, in milliseconds. @default the client's `timeoutMs` */
  readonly timeoutMs?: number;
}

/** How the client itself asks. */
interface AskOptions extends RequestOptions {
  /** The signal withdraws only what was not sent yet. @default false */
  readonly keepSent?: boolean;
}

interface Pending {
  readonly method: string;
  readonly text: string;
  /** Where it is: not sent, sent on the present connection, or waiting until it may be sent again. */
  place: 'queued' | 'sent' | 'resting';
  sends: number;
  refusals: number;
  rest?: Timer;
  readonly backoff: Backoff;
  readonly resolve: (data: unknown) => void;
  readonly reject: (error: unknown) => void;
}

export interface RequestPorts {
  /** False unless requests are served now. */
  send(text: string): boolean;
}

export class Requests {
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #ports: RequestPorts;
  readonly #all = new Map<string, Pending>();
  /** Largest frame that the server reads, in bytes. */
  #limit = Infinity;

  constructor(settings: Settings, ports: RequestPorts) {
    this.#settings = settings;
    this.#clock = settings.clock;
    this.#ports = ports;
  }

  /** @param answered called in the tick in which the answer is read, with whether the request was sent more than once. */
  add<T>(
    method: string,
    data: unknown,
    options: AskOptions,
    answered: (data: T, repeated: boolean) => void = () => {},
  ): Promise<T> {
    const { signal, timeoutMs = this.#settings.timeoutMs, keepSent = false } = options;
    const id = this.#settings.random.uuid();
    const traceparent = this.#settings.traceparent?.();
    const text = JSON.stringify({ type: 'request', id, method, data, traceparent });
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted === true) throw signal.reason;
      this.#admit(method, text);
      const settle = (): void => {
        this.#all.delete(id);
        pending.rest?.cancel();
        timer?.cancel();
        signal?.removeEventListener('abort', onAbort);
      };
      const pending: Pending = {
        method,
        text,
        place: 'queued',
        sends: 0,
        refusals: 0,
        backoff: new Backoff(this.#settings.backoffMs, this.#settings.maxBackoffMs, this.#settings.random),
        resolve: (result) => {
          settle();
          answered(result as T, pending.sends > 1);
          resolve(result as T);
        },
        reject: (error) => {
          settle();
          reject(error as Error);
        },
      };
      const onAbort = (): void => {
        if (!keepSent || pending.sends === 0) pending.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      const late = (): void =>
        pending.reject(clientError('REQUEST_TIMEOUT', { method, timeoutMs, sent: pending.sends > 0 }));
      const timer = timeoutMs === Infinity ? undefined : this.#clock.schedule(timeoutMs, late);
      this.#all.set(id, pending);
      this.#send(pending);
    });
  }

  /** Requests are served again: sends what waits, in the order in which it was asked. */
  serve(): void {
    for (const pending of this.#all.values()) if (pending.place === 'queued') this.#send(pending);
  }

  /** Another connection serves from now on: what the last one left unanswered is sent on it. */
  welcomed(messageBytes: number): void {
    this.#limit = messageBytes;
    this.disconnected();
    for (const pending of this.#all.values()) {
      const tooLarge = this.#tooLarge(pending.method, pending.text);
      if (tooLarge) pending.reject(tooLarge);
    }
    this.serve();
  }

  disconnected(): void {
    for (const pending of this.#all.values()) if (pending.place === 'sent') pending.place = 'queued';
  }

  /** Under another session the server would not know a repeat: what was sent cannot be sent again. */
  sessionLost(reason: MusterError): void {
    for (const pending of this.#all.values()) if (pending.sends > 0) pending.reject(reason);
  }

  answered(frame: ResponseFrame): void {
    if (frame.ok) this.#all.get(frame.id)?.resolve(frame.data);
    else this.refused(frame.id, frame.error);
  }

  refused(id: string, error: WireError): void {
    const pending = this.#all.get(id);
    if (pending === undefined) return;
    const { code, message, retryable, retryAfterMs, details } = error;
    pending.refusals += 1;
    if (!retryable || pending.refusals >= MAX_REFUSALS) {
      pending.reject(clientError('REQUEST_REFUSED', { code, message, retryable, details }));
      return;
    }
    pending.place = 'resting';
    pending.rest = this.#clock.schedule(pending.backoff.next(retryAfterMs), () => {
      pending.place = 'queued';
      this.#send(pending);
    });
  }

  /** Rejects everything. */
  close(error: MusterError): void {
    for (const pending of this.#all.values()) pending.reject(error);
  }

  #send(pending: Pending): void {
    if (!this.#ports.send(pending.text)) return;
    pending.place = 'sent';
    pending.sends += 1;
  }

  /** @throws MusterError `REQUEST_TOO_LARGE`; `CLIENT_QUEUE_FULL` when it would have to wait and too many do. */
  #admit(method: string, text: string): void {
    const tooLarge = this.#tooLarge(method, text);
    if (tooLarge) throw tooLarge;
    const waiting = [...this.#all.values()].filter(({ place }) => place === 'queued').length;
    if (waiting >= this.#settings.maxQueued) throw clientError('CLIENT_QUEUE_FULL', { method, waiting });
  }

  #tooLarge(method: string, text: string): MusterError | undefined {
    // No character has more than three bytes, so that most texts need not be encoded to know.
    if (text.length * 3 <= this.#limit) return undefined;
    const bytes = new TextEncoder().encode(text).length;
    return bytes > this.#limit ? clientError('REQUEST_TOO_LARGE', { method, bytes, limit: this.#limit }) : undefined;
  }
}
