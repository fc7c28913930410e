/**
 * What instances of different builds have to agree on: the number of the app's contract, and that of Muster's own records.
 *
 * A contract is what one instance writes and another reads: wire, log and tables. Configuration is none of it.
 */
import { token } from '../declare/dependency.ts';

/** What an app says of its contract. */
export interface ClusterOptions {
  /** The number of what this build writes; raise it with each change that others must know of. */
  readonly contract: number;
  /** The numbers of what this build can live with. @default its own */
  readonly accepts?: readonly number[];
}

/** Bound where the app has a contract. */
export type ClusterContract = ClusterOptions;
export const ClusterContract = token<ClusterOptions>('ClusterContract');

/** The number of Muster's own records and tables. */
export const MUSTER_FORMAT = 2;

/** What an instance publishes of all this. */
export interface PublishedContract {
  /** `null` where the app has none: then it goes with any. */
  readonly contract: number | null;
  readonly accepts: readonly number[];
  /** Muster's own. */
  readonly format: number;
}

export function published(options: ClusterOptions | undefined): PublishedContract {
  const { contract = null, accepts = contract === null ? [] : [contract] } = options ?? {};
  return { contract, accepts, format: MUSTER_FORMAT };
}

/** What keeps two instances from working side by side, as seen by the first; `undefined` when nothing does. */
export function conflictOf(own: PublishedContract, other: PublishedContract): string | undefined {
  if (own.format !== other.format)
    return `writes records of format ${other.format} of Muster, and this one writes format ${own.format}`;
  if (own.contract === null || other.contract === null) return undefined;
  if (!own.accepts.includes(other.contract))
    return `has contract ${other.contract}, and this one accepts ${own.accepts.join(', ')}`;
  if (!other.accepts.includes(own.contract))
    return `accepts contract ${other.accepts.join(', ')}, and this one has ${own.contract}`;
  return undefined;
}
