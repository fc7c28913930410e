/** What an app says of its NATS: where it is, how many servers keep each record, and for how long. */
import { token } from '@muster/core';
import type { NodeConnectionOptions } from '@nats-io/transport-node';
import { natsError } from './errors.ts';

export interface NatsOptions {
  /** Addresses of the servers. @default 'nats://127.0.0.1:4222' */
  readonly servers?: string | readonly string[];
  /** Credentials, TLS and whatever else the client of NATS takes. */
  readonly connection?: Omit<NodeConnectionOptions, 'servers'>;
  /**
   * Names what is kept, so that several apps share a NATS without seeing each other: letters, digits, `-` and `_`.
   *
   * @default 'muster'
   */
  readonly name?: string;
  /** How many servers have each record: 1, 3 or 5. Below 3 the loss of a machine loses events. @default 3 */
  readonly replicas?: 1 | 3 | 5;
  /** How long events are kept, in milliseconds. @default 604_800_000, which is seven days */
  readonly keepMs?: number;
  /** How much is kept of all events, in bytes; beyond it appends are refused. @default 10_737_418_240 */
  readonly keepBytes?: number;
  /** How long appends wait for servers that cannot be reached, in milliseconds; then new ones are refused. @default 15_000 */
  readonly bufferMs?: number;
  /** How much may wait to be written, in bytes. @default 67_108_864 */
  readonly maxWaitingBytes?: number;
  /** How large the events of one append may be, in bytes; NATS takes 1 MiB unless its servers say otherwise. @default 1_000_000 */
  readonly maxAppendBytes?: number;
}

export interface NatsSettings extends Required<Omit<NatsOptions, 'servers'>> {
  readonly servers: readonly string[];
}
export const NatsSettings = token<NatsSettings>('NatsSettings');

export const NATS_DEFAULTS = {
  servers: 'nats://127.0.0.1:4222',
  name: 'muster',
  replicas: 3,
  keepMs: 7 * 24 * 3_600_000,
  keepBytes: 10 * 2 ** 30,
  bufferMs: 15_000,
  maxWaitingBytes: 64 * 2 ** 20,
  maxAppendBytes: 1_000_000,
} as const;

/** @throws MusterError `NATS_OPTION_INVALID` naming the option and the value that it got. */
export function settingsOf(options: NatsOptions): NatsSettings {
  const { servers = NATS_DEFAULTS.servers, connection = {}, ...rest } = options;
  const settings = { ...NATS_DEFAULTS, ...rest, connection, servers: [servers].flat() };
  const { name, replicas } = settings;
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(name)) invalid('name', '1 to 64 letters, digits, - and _', name);
  if (![1, 3, 5].includes(replicas)) invalid('replicas', '1, 3 or 5', replicas);
  if (settings.servers.length === 0) invalid('servers', 'at least one address', '');
  for (const option of ['keepMs', 'keepBytes', 'bufferMs', 'maxWaitingBytes', 'maxAppendBytes'] as const) {
    const value = settings[option];
    if (!(Number.isFinite(value) && value > 0)) invalid(option, 'a positive number', value);
  }
  return settings;
}

function invalid(option: string, expected: string, got: unknown): never {
  throw natsError('NATS_OPTION_INVALID', { option, expected, got: String(got) });
}
