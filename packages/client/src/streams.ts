/**
 * The streams that a client follows: those it was asked to, and those in which its runs go on.
 */
import type { MusterError, Position, ServerFrame, WelcomeFrame } from '@muster/contracts';
import { clientError } from './errors.ts';
import { Stream, type StreamPorts } from './stream.ts';

/** Streams that fit into `hello`, the bound of `muster.v1`; and streams that are followed because a run brought them. */
export const MAX_STREAMS = 64;

export class Streams {
  readonly #ports: StreamPorts;
  /** In the order in which they were last asked for. */
  readonly #all = new Map<string, Stream>();
  /** Unfollowed on this connection: what is still on its way of them is of no interest. */
  readonly #left = new Set<string>();

  constructor(ports: StreamPorts) {
    this.#ports = ports;
  }

  get(name: string): Stream | undefined {
    return this.#all.get(name);
  }

  /** How far each has been processed. */
  get positions(): Record<string, Position> {
    const known = [...this.#all.values()].flatMap(({ name, processed }) =>
      processed ? [[name, { ...processed }] as const] : [],
    );
    return Object.fromEntries(known);
  }

  /** What `hello` says of them; what does not fit there is subscribed after `welcome`. */
  get hello(): { cursors: Record<string, Position>; subscribe: string[] } {
    const subscribe = [...this.#all.keys()].slice(-MAX_STREAMS);
    const cursors = Object.fromEntries(Object.entries(this.positions).filter(([name]) => subscribe.includes(name)));
    return { cursors, subscribe };
  }

  /** @param asked true when the application wants it; then it is followed until it wants it no more. */
  follow(name: string, asked: boolean, position?: Position): Stream {
    const stream = this.#all.get(name) ?? new Stream(name, asked, position, this.#ports);
    stream.asked ||= asked;
    this.#left.delete(name);
    this.#all.delete(name);
    this.#all.set(name, stream);
    this.#trim();
    return stream;
  }

  unfollow(name: string): void {
    const stream = this.#all.get(name);
    if (stream === undefined) return;
    this.#all.delete(name);
    this.#left.add(name);
    stream.end(clientError('EVENTS_LOST', { stream: name, why: 'the client does not follow it any more' }));
    this.#ports.send({ type: 'unsubscribe', stream: name });
  }

  welcomed(frame: WelcomeFrame): void {
    for (const name of this.#left) {
      // It was left after `hello` had named it.
      if (Object.hasOwn(frame.streams, name)) this.#ports.send({ type: 'unsubscribe', stream: name });
      else this.#left.delete(name);
    }
    for (const stream of this.#all.values()) {
      stream.disconnected();
      stream.connected(Object.hasOwn(frame.streams, stream.name) ? frame.streams[stream.name] : undefined);
    }
  }

  disconnected(): void {
    for (const stream of this.#all.values()) stream.disconnected();
  }

  received(frame: ServerFrame): void {
    switch (frame.type) {
      case 'events':
        if (this.#left.has(frame.stream)) return;
        (this.#all.get(frame.stream) ?? this.follow(frame.stream, false)).receive(frame);
        return;
      case 'live':
        this.#all.get(frame.stream)?.live(frame);
        return;
      case 'reset':
        this.#all.get(frame.stream)?.reset(frame.epoch, frame.floor, frame.why);
        return;
      case 'ping':
        for (const [name, position] of Object.entries(frame.positions ?? {})) this.#all.get(name)?.seen(position);
        return;
      default:
    }
  }

  flush(): void {
    for (const stream of this.#all.values()) stream.flush();
  }

  end(error: MusterError): void {
    for (const stream of this.#all.values()) stream.end(error);
  }

  /** Lets go of the oldest that nobody asked for and nobody reads, so that a long life does not gather streams. */
  #trim(): void {
    const idle = [...this.#all.values()].filter(({ asked, isRead }) => !asked && !isRead).slice(0, -1);
    for (const { name } of idle.slice(0, Math.max(0, this.#all.size - MAX_STREAMS))) this.unfollow(name);
  }
}
