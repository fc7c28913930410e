import { createApp, healthy, provide, runApp, service } from '@muster/core';
import { Authenticator, ConnectionPool, type Session, webSocketFactory, webSocketServer } from '@muster/server';

@service()
class Greetings {
  #words = new Map<string, string>();
  async start() { this.#words.set('en', 'Hello'); } // connect, migrate, warm up: all I/O happens here
  check() { return healthy; }                       // asked before anybody depends on it, and ever after
  greet(name: string) { return `${this.#words.get('en')}, ${name}!`; }
}

@service()
class Names implements Authenticator {
  authenticate({ token }: { token: string }) { return { user: token }; } // check a real token here
}

@webSocketFactory({ path: '/ws', dependsOn: [Greetings] }) // does not exist before the gate opens
class Hello {
  constructor(private greetings: Greetings) {}
  open({ principal }: Session) { return { methods: { hello: () => this.greetings.greet(principal.user) } }; }
}

const services = [Hello, Greetings, ConnectionPool, provide(Authenticator, Names)];
await runApp(createApp({ services, server: webSocketServer({ port: Number(process.env.PORT ?? 3000) }) }));
