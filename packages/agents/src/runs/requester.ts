/**
 * Who asks for a run: a session of the server, or whoever else can prove who the user is and that the gate is open.
 */
import type { Position } from '@muster/contracts';
import type { Given, Permit, Principal } from '@muster/core';

/** Whether somebody is there, on whichever of their connections. */
export interface Presence {
  readonly isPresent: boolean;
  /** Calls `changed` whenever that changes, until the returned function is called. */
  onChange(changed: () => void): () => void;
}

export interface Requester {
  readonly principal: Principal;
  readonly permit: Permit;
  /** What the ids of its requests are unique within: its session. @default its requests cannot be repeated */
  readonly id?: string;
  /** Id of the connection over which it asks, for those who watch the app. @default none */
  readonly connection?: string;
  /** Values of your own that classes of its runs depend on, made with `withValue`. An agent that needs one cannot be begun again by another instance. */
  readonly values?: readonly Given<'run'>[];
  /** Of the user. @default nobody knows, and no run is cancelled because its user has gone */
  readonly presence?: Presence;
  /**
   * Called before the first event is appended, so that the asker misses none.
   *
   * @param from where the thread stood before that. @default where it stands
   */
  follow(thread: string, from?: Position): Promise<void>;
}
