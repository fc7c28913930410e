/** Everything that an app lists to keep its events and its keys on NATS. */
import { type Class, EventLog, KeyValueStore, provide, provideValue, type Registration } from '@muster/core';
import { NatsConnection } from './nats-connection.ts';
import { NatsEventLog } from './nats-event-log.ts';
import { NatsKeyValueStore } from './nats-key-value-store.ts';
import { type NatsOptions, NatsSettings, settingsOf } from './options.ts';

/**
 * Provides both ports on NATS JetStream: `createApp({ services: [...nats({ servers: 'nats://10.0.0.1:4222' })] })`.
 *
 * @throws MusterError `NATS_OPTION_INVALID` when an option makes no sense.
 */
export function nats(options: NatsOptions = {}): readonly (Class | Registration)[] {
  return [
    provideValue(NatsSettings, settingsOf(options)),
    NatsConnection,
    provide(EventLog, NatsEventLog),
    provide(KeyValueStore, NatsKeyValueStore),
  ];
}
