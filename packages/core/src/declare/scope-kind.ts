/**
 * The kinds of scopes, and who can see whom: what lives longer cannot hold what lives shorter.
 */

/**
 * - `user`: while anything of a user is open. `run` and `connection` lie inside the scope of their user.
 * - `run`: one run. `connection`: one connection. Neither sees the other, because a run outlives its connection.
 */
export type ScopeKind = 'user' | 'run' | 'connection';

/** By the kind of who holds, the kinds of what it may hold. */
export const REACH: Readonly<Record<ScopeKind, readonly ScopeKind[]>> = {
  user: ['user'],
  run: ['run', 'user'],
  connection: ['connection', 'user'],
};
