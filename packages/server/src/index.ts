/** The gate's network side: WebSockets, probes and pages on one port. */
export type { Credentials } from '@muster/contracts';
export { type AuthenticateContext, Authenticator, type Identity } from './authenticator.ts';
export type { Limits } from './connection/limits.ts';
export { SERVER_ERRORS, serverError } from './errors.ts';
export { ConnectionPool } from './session/connection-pool.ts';
export type { Session } from './session/session.ts';
export type { UserPresence } from './session/user-presence.ts';
export {
  type Call,
  type Handler,
  httpHandler,
  type HttpHandler,
  type Method,
  webSocketFactory,
  type WebSocketFactory,
} from './web-socket-factory.ts';
export { type MusterServer, webSocketServer, type WebSocketServerOptions } from './web-socket-server.ts';
