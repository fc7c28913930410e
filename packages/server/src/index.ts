/** The gate's network side: WebSockets, probes and pages on one port. */
export { Authenticator, type Credentials, type Identity } from './authenticator.ts';
export { ConnectionPool } from './connection-pool.ts';
export { SERVER_ERRORS, serverError } from './errors.ts';
export type { Limits } from './limits.ts';
export type { Session } from './session.ts';
export {
  type Handler,
  httpHandler,
  type HttpHandler,
  type Method,
  webSocketFactory,
  type WebSocketFactory,
} from './web-socket-factory.ts';
export { type MusterServer, webSocketServer, type WebSocketServerOptions } from './web-socket-server.ts';
