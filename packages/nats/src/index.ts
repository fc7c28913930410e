/** Several instances act as one: both storage ports of Muster on NATS JetStream. */
export { NATS_ERRORS } from './errors.ts';
export { nats } from './nats.ts';
export { NatsConnection } from './nats-connection.ts';
export { NatsEventLog } from './nats-event-log.ts';
export { NatsKeyValueStore } from './nats-key-value-store.ts';
export { type NatsOptions, NatsSettings } from './options.ts';
