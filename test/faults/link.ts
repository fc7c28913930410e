/** A TCP connection between two programs that can be cut, silenced, or let through in one direction only, while it is in use. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * - `open`: everything gets through. `cut`: nothing does, and both sides are told.
 * - `silent`: nothing does, and nobody is told. `deaf`: the caller hears nothing, and is heard.
 */
export type LinkState = 'open' | 'cut' | 'silent' | 'deaf';

export class Link implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #state: LinkState = 'open';

  private constructor(to: number) {
    this.#server = createServer((caller) => {
      const callee = connect(to, '127.0.0.1');
      for (const socket of [caller, callee]) {
        this.#sockets.add(socket);
        socket.on('error', () => socket.destroy());
        socket.on('close', () => this.#sockets.delete(socket));
      }
      if (this.#state === 'cut') {
        caller.destroy();
        callee.destroy();
        return;
      }
      caller.on('data', (chunk) => this.#pass('there', chunk, callee));
      callee.on('data', (chunk) => this.#pass('back', chunk, caller));
      caller.on('close', () => callee.destroy());
      callee.on('close', () => caller.destroy());
    });
  }

  static async to(port: number): Promise<Link> {
    const link = new Link(port);
    link.#server.listen(0, '127.0.0.1');
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** What was lost on the way is lost, so a link that is open again has new connections only. */
  become(state: LinkState): void {
    const before = this.#state;
    this.#state = state;
    if (state === 'cut' || (state === 'open' && before !== 'open'))
      for (const socket of this.#sockets) socket.destroy();
  }

  #pass(direction: 'there' | 'back', chunk: Buffer, to: Socket): void {
    if (this.#state === 'open' || (this.#state === 'deaf' && direction === 'there')) to.write(chunk);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
