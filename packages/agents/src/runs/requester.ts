/**
 * Who asks for a run: a session of the server, or whoever else can prove who the user is and that the gate is open.
 */
import type { Permit, Principal } from '@muster/core';

export interface Requester {
  readonly principal: Principal;
  readonly permit: Permit;
  /** Called before the first event is appended, so that the asker misses none. */
  follow(thread: string): Promise<void>;
}
