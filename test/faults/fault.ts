/** What can happen to one connection on its way, and a schedule that a seed determines. */
import { SeededRandom } from '@muster/core/testing';

/** `afterBytes` counts what was forwarded, both directions together; not a byte more gets through before the fault. */
export type Fault =
  | { readonly kind: 'none' }
  /** Both sides get a FIN. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** Both sides get an RST. */
  | { readonly kind: 'reset'; readonly afterBytes: number }
  /** Nothing is forwarded any more, and nobody is told. */
  | { readonly kind: 'half-open'; readonly afterBytes: number }
  /** Nothing is forwarded for a while. */
  | { readonly kind: 'stall'; readonly afterBytes: number; readonly ms: number }
  /** Each direction is forwarded at this rate from the first byte on. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number };

/** The fault of the nth connection, from 0 on. */
export type FaultSchedule = (connection: number) => Fault;

export interface ScheduleOptions {
  /** Bytes in which the handshake happens; every third fault falls into them. */
  readonly handshakeBytes: number;
  /** The others fall between those and this number of bytes. */
  readonly mostBytes: number;
  /** Slowest and fastest of the slow ones. */
  readonly bytesPerSecond: readonly [number, number];
  /** Longest stall, in milliseconds. */
  readonly mostStallMs: number;
  /** How many connections get a fault; those after them get none, so that what is tested can come to rest. */
  readonly connections: number;
}

/** The same seed gives each connection the same fault, in whatever order things happen otherwise. */
export function faultsFrom(seed: number, options: ScheduleOptions): FaultSchedule {
  const { handshakeBytes, mostBytes, bytesPerSecond, mostStallMs, connections } = options;
  return (connection) => {
    if (connection >= connections) return { kind: 'none' };
    const random = new SeededRandom(Math.imul(seed, 1_000_003) + connection);
    const kind = random.pick(['cut', 'reset', 'half-open', 'stall', 'slow'] as const);
    if (kind === 'slow') return { kind, bytesPerSecond: random.between(...bytesPerSecond) };
    const afterBytes = random.chance(1 / 3) ? random.below(handshakeBytes) : random.between(handshakeBytes, mostBytes);
    return kind === 'stall' ? { kind, afterBytes, ms: random.between(1, mostStallMs) } : { kind, afterBytes };
  };
}
