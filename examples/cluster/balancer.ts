/** A round-robin proxy of TCP: each connection goes to the next backend that takes it. */
import { connect, createServer, type Socket } from 'node:net';

export class Balancer {
  readonly #backends: readonly (() => number | undefined)[];
  readonly #server = createServer((client) => this.#serve(client));
  #next = 0;

  /** @param backends each gives the port of one backend while that one is up. */
  constructor(backends: readonly (() => number | undefined)[]) {
    this.#backends = backends;
  }

  async listen(port: number): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, '127.0.0.1', resolve);
    });
  }

  close(): void {
    this.#server.close();
  }

  #serve(client: Socket, tries = this.#backends.length): void {
    client.on('error', () => client.destroy());
    const port = this.#backends[this.#next % this.#backends.length]?.();
    this.#next += 1;
    if (port === undefined) return this.#tryAgain(client, tries);
    const backend = connect(port, '127.0.0.1');
    let isConnected = false;
    backend.once('connect', () => {
      isConnected = true;
      client.pipe(backend).pipe(client);
    });
    backend.on('error', () => (isConnected ? client.destroy() : this.#tryAgain(client, tries)));
    backend.on('close', () => isConnected && client.destroy());
    client.on('close', () => backend.destroy());
  }

  #tryAgain(client: Socket, tries: number): void {
    if (tries <= 1 || client.destroyed) client.destroy();
    else this.#serve(client, tries - 1);
  }
}
