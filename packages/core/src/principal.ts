/**
 * Who somebody is, as a proof: only an authenticated handshake or a store that kept one can make it.
 *
 * Streams and emitters are named from a principal, so no code path can name another user.
 */

declare const authenticated: unique symbol;

/** An authenticated user. */
export interface Principal {
  readonly [authenticated]: true;
  /** Opaque id, 1 to 200 bytes. */
  readonly user: string;
}

/** Vouches for `user`; called by handshakes after a token was verified and by stores that restore a record. */
export function principalOf(user: string): Principal {
  return Object.freeze({ user }) as Principal;
}

/** The user of deep checks: nobody can connect under this name, and only a probe's permit is good for it. */
export const PROBE_USER = '~probe';

/** True of the user in whose name deep checks are made. */
export function isProbe({ user }: Principal): boolean {
  return user === PROBE_USER;
}

/** The log's name of a user's thread. Both parts are hashed: injective, and legal as a key everywhere. */
export function streamOf(principal: Principal, thread: string): string {
  return `${keyPart(principal.user)}.${keyPart(thread)}`;
}

/** Parts of keys are kept of so many ids, or of as many again, if they have no more characters than ids of users may have. */
const KEPT = { ids: 4_096, characters: 200 } as const;
/** Of ids that were asked for lately, and of those before them. */
let latest = new Map<string, string>();
let earlier: ReadonlyMap<string, string> = new Map();

/** The name of any id as a part of a key: no two ids have the same, it is legal everywhere, and none begins with another. */
export function keyPart(id: string): string {
  // One run asks for the same two ids a dozen times.
  const known = latest.get(id);
  if (known !== undefined) return known;
  const part = earlier.get(id) ?? hashed(id);
  if (id.length > KEPT.characters) return part;
  if (latest.size === KEPT.ids) {
    earlier = latest;
    latest = new Map();
  }
  latest.set(id, part);
  return part;
}

function hashed(id: string): string {
  // Loaded at the first use: a start of a process has no principal yet.
  const { hash } = process.getBuiltinModule('node:crypto');
  // As UTF-16: in UTF-8 all halves of surrogate pairs become the same character, and two users one.
  return hash('sha256', Buffer.from(id, 'utf16le'), 'base64url');
}
