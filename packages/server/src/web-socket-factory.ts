/**
 * `@webSocketFactory` and `@httpHandler`: what stands behind the gate. Neither exists before the gate is opening.
 */
import {
  callSite,
  type Class,
  declareFactory,
  type DependencyEntry,
  type FactoryOptions,
  type Given,
  type Fits,
} from '@muster/core';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Session } from './session/session.ts';

/** What a method may know of the frame that calls it. */
export interface Call {
  /** The id of the request, unique within the session; `undefined` for a cancel. */
  readonly request?: string;
}

/** Answers one request; what it returns is the `data` of the response, what it throws becomes its error. */
export type Method = (data: unknown, call: Call) => unknown;

/** Serves one connection. What `onReady` and `onGone` throw or reject with is logged and ends nothing. */
export interface Handler {
  /** By the name that a request carries. Requests are handled in order, one at a time: do not await a run. */
  readonly methods: Readonly<Record<string, Method>>;
  /** Called once when the client is served, before its first request. */
  onReady?(): void | Promise<void>;
  /** Called once after `onReady`, when the connection has gone. */
  onGone?(): void | Promise<void>;
}

/** One instance per app, which may have the methods of `Factory`; `open` is called once per connection, with the proof that its user may enter. */
export interface WebSocketFactory {
  open(session: Session): Handler;
  /** The values of your own that classes of a connection depend on, made with `withValue`; asked for with `session.scope`. */
  values?(session: Session): readonly Given<'connection'>[];
}

/** Answers HTTP requests once the gate has opened. */
export interface HttpHandler {
  /** @returns true when the request was answered or will be; false leaves it to the next handler, or to 404. */
  handle(request: IncomingMessage, response: ServerResponse): boolean | Promise<boolean>;
}

/** What the decorators leave in a declaration. */
export type FrontTag = { readonly front: 'web-socket'; readonly path: string } | { readonly front: 'http' };

type Decorates<T, D extends readonly DependencyEntry[]> = <C extends Class<T & object>>(
  target: C,
  context?: ClassDecoratorContext,
) => Fits<ConstructorParameters<C>, D>;

/** Declares a factory of handlers for WebSockets on `path`. */
export function webSocketFactory<const D extends readonly DependencyEntry[] = []>(
  options: FactoryOptions & { readonly path: string; readonly dependsOn?: D },
): Decorates<WebSocketFactory, D> {
  const declaredAt = callSite(webSocketFactory);
  const { path, dependsOn = [], ...rest } = options;
  return declareFront({ front: 'web-socket', path }, rest, dependsOn, declaredAt);
}

/** Declares a handler of HTTP requests. */
export function httpHandler<const D extends readonly DependencyEntry[] = []>(
  options: FactoryOptions & { readonly dependsOn?: D } = {},
): Decorates<HttpHandler, D> {
  const declaredAt = callSite(httpHandler);
  const { dependsOn = [], ...rest } = options;
  return declareFront({ front: 'http' }, rest, dependsOn, declaredAt);
}

function declareFront(
  tag: FrontTag,
  options: FactoryOptions,
  dependsOn: readonly DependencyEntry[],
  declaredAt: () => string | undefined,
) {
  return (target: Class): never => {
    declareFactory(target, options, tag, dependsOn, declaredAt);
    return undefined as never;
  };
}
