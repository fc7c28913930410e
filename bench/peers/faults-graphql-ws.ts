/**
 * graphql-ws: a subscription for each client, which the client repeats by itself on each new connection.
 *
 * As its recipes say: pings of both sides, `terminate()` where a pong does not come in time, and retries without an end for
 * whatever has closed the connection. It has no means to go on where a subscription stood.
 */
import { EventEmitter, on, once } from 'node:events';
import { GraphQLInt, GraphQLNonNull, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql';
import { createClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import {
  BACKOFF_MS,
  DEAD_MS,
  HANDSHAKE_MS,
  HEARTBEAT_MS,
  MAX_BACKOFF_MS,
  type Numbered,
  trial,
} from '../faults-compared/trial.ts';

const emitter = new EventEmitter();
emitter.setMaxListeners(0);
const joined = new Map<string, () => void>();

const Event = new GraphQLObjectType({
  name: 'Event',
  fields: { n: { type: new GraphQLNonNull(GraphQLInt) }, text: { type: new GraphQLNonNull(GraphQLString) } },
});
const schema = new GraphQLSchema({
  query: new GraphQLObjectType({ name: 'Query', fields: { nothing: { type: GraphQLString } } }),
  subscription: new GraphQLObjectType({
    name: 'Subscription',
    fields: {
      events: {
        type: Event,
        args: { client: { type: new GraphQLNonNull(GraphQLString) } },
        subscribe: (_, { client }: { client: string }) => {
          joined.get(client)?.();
          return on(emitter, client);
        },
        resolve: ([event]: [Numbered]) => event,
      },
    },
  }),
});

/** The client has no limit of its own for the upgrade. */
class Impatient extends WebSocket {
  constructor(url: string, protocols: string) {
    super(url, protocols, { handshakeTimeout: HANDSHAKE_MS });
  }
}

function subscribe(client: string, port: number, received: (n: number) => void): void {
  let late: NodeJS.Timeout | undefined;
  const graphql = createClient({
    url: `ws://127.0.0.1:${port}/`,
    webSocketImpl: Impatient,
    connectionAckWaitTimeout: HANDSHAKE_MS,
    keepAlive: HEARTBEAT_MS,
    retryAttempts: Number.POSITIVE_INFINITY,
    shouldRetry: () => true,
    retryWait: (retries) => {
      const delayMs = Math.random() * Math.min(MAX_BACKOFF_MS, BACKOFF_MS * 2 ** retries);
      return new Promise((resolve) => setTimeout(resolve, delayMs));
    },
    on: {
      ping: (isReceived) => {
        if (!isReceived) late = setTimeout(() => graphql.terminate(), DEAD_MS);
      },
      pong: (isReceived) => {
        if (isReceived) clearTimeout(late);
      },
      closed: () => clearTimeout(late),
    },
  });
  const query = 'subscription ($client: String!) { events(client: $client) { n text } }';
  const next = ({ data }: { data?: { events: Numbered } | null }): void => {
    if (data) received(data.events.n);
  };
  graphql.subscribe<{ events: Numbered }>({ query, variables: { client } }, { next, error: ended, complete: ended });
}

/** A subscription that is over is over; what was to come counts as lost. */
function ended(): void {}

await trial({
  listen: async () => {
    const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
    useServer({ schema, connectionInitWaitTimeout: HANDSHAKE_MS }, server, DEAD_MS);
    await once(server, 'listening');
    return (server.address() as { port: number }).port;
  },
  join: (client, port, received) => {
    const first = new Promise<void>((resolve) => joined.set(client, resolve));
    subscribe(client, port, received);
    return first;
  },
  emit: (client, event) => void emitter.emit(client, event),
});
