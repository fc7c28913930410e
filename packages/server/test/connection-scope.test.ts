/** `session.scope`: what a connection has for itself, from its opening until it has gone. */
import { describe, expect, it } from '@jest/globals';
import {
  type Class,
  CurrentPrincipal,
  CurrentSignal,
  createApp,
  provide,
  scoped,
  scopeValue,
  withValue,
} from '@muster/core';
import { CLOSE } from '@muster/contracts';
import { FakeClock } from '@muster/core/testing';
import {
  Authenticator,
  ConnectionPool,
  type Handler,
  type Session,
  webSocketFactory,
  webSocketServer,
} from '@muster/server';
import { RawClient, serve, TestAuthenticator } from './harness.ts';

function deferred() {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}

const methods = { hi: () => 'hi' };

/** A client that is served: its first request has been answered. */
async function served(url: string, user: string): Promise<RawClient> {
  const client = await RawClient.welcomed(url, user);
  client.request('hi');
  await client.next('response');
  return client;
}

/** A class of a connection that tells of its life. */
function presence() {
  const journal: string[] = [];
  const left = deferred();
  @scoped('connection', { dependsOn: [CurrentPrincipal, CurrentSignal] })
  class Presence {
    readonly user: string;
    readonly #signal: AbortSignal;
    constructor({ user }: CurrentPrincipal, signal: CurrentSignal) {
      this.user = user;
      this.#signal = signal;
      journal.push(`${user} is there`);
    }
    dispose(): void {
      journal.push(`${this.user} has left, ${this.#signal.aborted ? 'aborted' : 'not aborted'}`);
      left.resolve();
    }
  }
  return { Presence, journal, left: left.promise };
}

describe('the scope of a connection', () => {
  it('has one instance of a class for each, with its user and its signal, and disposes of it after onGone', async () => {
    const { Presence, journal, left } = presence();
    const handler = (session: Session): Handler => {
      expect(session.scope.get(Presence)).toBe(session.scope.get(Presence));
      return { methods, onGone: async () => void journal.push(`goodbye ${session.scope.get(Presence).user}`) };
    };
    await using server = await serve(handler, { services: [Presence] });
    const ann = await served(server.url, 'ann');
    const bob = await served(server.url, 'bob');
    expect(journal).toEqual(['ann is there', 'bob is there']);
    expect(server.app.graph().toJSON().scopes?.live.connection).toBe(2);
    ann.socket.close();
    await left;
    expect(journal.slice(2)).toEqual(['goodbye ann', 'ann has left, aborted']);
    expect(server.app.graph().toJSON().scopes?.live.connection).toBe(1);
    bob.socket.close();
  });

  it('costs nothing where nobody looks at it', async () => {
    const { Presence, journal } = presence();
    await using server = await serve(() => ({ methods }), { services: [Presence] });
    const ann = await served(server.url, 'ann');
    expect([journal, server.app.graph().toJSON().scopes]).toEqual([[], undefined]);
    ann.socket.close();
  });

  it('is closed when the client goes before it was served, and when open() throws', async () => {
    const { Presence, journal, left } = presence();
    const handler = (session: Session): Handler => {
      session.scope.get(Presence);
      throw new Error('no');
    };
    await using server = await serve(handler, { services: [Presence] });
    const ann = new RawClient(server.url);
    await ann.opened();
    ann.hello('token:ann');
    expect((await ann.closed).code).toBe(1011);
    await left;
    expect(journal).toEqual(['ann is there', 'ann has left, aborted']);
  });

  it('is closed at once where its connection has gone by the time that somebody looks at it', async () => {
    const { Presence, journal } = presence();
    const late = deferred();
    const handler = (session: Session): Handler => ({
      methods,
      onGone: async () => {
        await new Promise((resolve) => setImmediate(resolve));
        try {
          session.scope.get(Presence);
        } finally {
          late.resolve();
        }
      },
    });
    await using server = await serve(handler, { services: [Presence] });
    const ann = await served(server.url, 'ann');
    ann.socket.close();
    await late.promise;
    expect(journal).toEqual([]);
  });

  it('turns away who has as many as the app allows, to come back later', async () => {
    const { Presence } = presence();
    const handler = (session: Session): Handler => {
      session.scope.get(Presence);
      return { methods };
    };
    await using server = await serve(handler, {
      services: [Presence],
      app: { scopes: { perUser: { connection: 1 } } },
    });
    const first = await served(server.url, 'ann');
    const second = new RawClient(server.url);
    await second.opened();
    second.hello('token:ann');
    expect(await second.next('error')).toMatchObject({ code: 'SCOPE_LIMIT' });
    expect((await second.closed).code).toBe(CLOSE.overloaded);
    first.socket.close();
  });

  it('takes the values that its factory gives', async () => {
    const Locale = scopeValue<string>('Locale', 'connection');
    @scoped('connection', { dependsOn: [Locale] })
    class Greeting {
      readonly text: string;
      constructor(locale: string) {
        this.text = locale === 'de' ? 'Guten Tag' : 'Good day';
      }
    }
    @webSocketFactory({ path: '/ws' })
    class Greeter {
      open(session: Session): Handler {
        return { methods: { greet: () => session.scope.get(Greeting).text } };
      }
      values({ principal }: Session) {
        return [withValue(Locale, principal.user === 'uwe' ? 'de' : 'en')];
      }
    }
    const server = webSocketServer({ port: 0 });
    const services: Class[] = [Greeter, Greeting, ConnectionPool];
    await using app = createApp({ services: [...services, provide(Authenticator, TestAuthenticator)], server });
    await app.start();
    const answers = await Promise.all(
      ['uwe', 'ann'].map(async (user) => {
        const client = await RawClient.welcomed(server.url.replace('http', 'ws'), user);
        client.request('greet');
        const response = await client.next('response');
        client.socket.close();
        return response.ok && response.data;
      }),
    );
    expect(answers).toEqual(['Guten Tag', 'Good day']);
  });

  it('does not wait for ever for a handler that does not say goodbye', async () => {
    const { Presence, journal, left } = presence();
    const clock = new FakeClock();
    const gone = deferred();
    const handler = (session: Session): Handler => {
      session.scope.get(Presence);
      return {
        methods,
        onGone: () => {
          gone.resolve();
          return new Promise(() => {});
        },
      };
    };
    const server = await serve(handler, { services: [Presence], app: { clock } });
    const ann = await served(server.url, 'ann');
    ann.socket.close();
    await gone.promise;
    await clock.advance(4_999);
    expect(journal).toEqual(['ann is there']);
    await clock.advance(1);
    await left;
    const stopping = server.app.stop();
    await clock.advance(9_000);
    await stopping;
  });
});
