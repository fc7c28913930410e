/**
 * Looks for a secret in everything that a server sends, however the network parts it.
 *
 * Frames of a server are neither masked nor compressed, so their bytes are the text.
 */
export class SecretWatch {
  readonly secret: string;
  readonly #bytes: Buffer;
  /** The end of what each connection was sent, in which a secret may begin. */
  readonly #ends = new Map<unknown, Buffer>();
  #found = 0;

  constructor(secret: string) {
    this.secret = secret;
    this.#bytes = Buffer.from(secret);
  }

  /** How often it was sent. */
  get found(): number {
    return this.#found;
  }

  /** @param connection whatever tells one connection from another. */
  look(connection: unknown, chunk: Buffer): void {
    const before = this.#ends.get(connection);
    const text = before === undefined ? chunk : Buffer.concat([before, chunk]);
    for (let at = text.indexOf(this.#bytes); at >= 0; at = text.indexOf(this.#bytes, at + 1)) this.#found += 1;
    // One byte less than the secret: a whole one is not found twice.
    this.#ends.set(connection, Buffer.from(text.subarray(Math.max(0, text.length - this.#bytes.length + 1))));
  }
}
