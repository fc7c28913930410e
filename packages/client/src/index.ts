/** Talks to a Muster server from a browser or from Node. */
export { Client, connect, type ConnectOptions, type WebSocketLike } from './client.ts';
export type { ClientState } from './client-state.ts';
export { CLIENT_ERRORS } from './errors.ts';
export type { Run, RunEnd } from './run.ts';
