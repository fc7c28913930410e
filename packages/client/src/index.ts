/** Talks to a Muster server from a browser or from Node. */
export { Client, connect } from './client.ts';
export type { ClientState, ClientStatus, Closed } from './client-state.ts';
export { type Cursors, type CursorStore, sessionStorageCursors, storageCursors, type StorageLike } from './cursors.ts';
export { CLIENT_ERRORS } from './errors.ts';
export type { ConnectOptions, EventHandler, WebSocketLike } from './options.ts';
export type { RequestOptions } from './requests.ts';
export type { Run, RunEnd } from './run.ts';
export type { StreamReset } from './stream.ts';
