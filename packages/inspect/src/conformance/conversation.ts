/**
 * One WebSocket, seen by the side that tries the other: what came, what was sent, and ways to wait for what must come.
 *
 * Waiting ends with the event, with the end of the socket, or at the deadline; nothing here sleeps. Every frame that comes
 * is read by its schema, and one that does not fit is a deviation for whoever waits next.
 */
import type { Clock } from '@muster/contracts';
import type { WebSocket } from 'ws';
import { Deviation } from './deviation.ts';
import { Watch } from './watch.ts';

/** How many frames a failure shows. */
const SHOWN = 8;
/** How much of a frame it shows, in characters. */
const SHOWN_TEXT = 200;

interface Frame {
  readonly type: string;
}

export interface ConversationOptions<F extends Frame> {
  /** @throws when the text is no frame of the other side. */
  readonly parse: (text: string) => F;
  /** What asks the other side for a `pong`. */
  readonly ping: object;
  readonly clock: Clock;
  /** How long to wait for what must come, in milliseconds. */
  readonly deadlineMs: number;
}

export class Conversation<F extends Frame> {
  readonly socket: WebSocket;
  /** Everything that came and could be read, in order. */
  readonly frames: F[] = [];
  /** The same as it was written. */
  readonly texts: string[] = [];
  /** How the socket ended. */
  ended: { readonly code: number; readonly reason: string } | undefined;
  readonly #options: ConversationOptions<F>;
  readonly #lines: string[] = [];
  readonly #watch: Watch;
  #misfit: Deviation | undefined;

  constructor(socket: WebSocket, options: ConversationOptions<F>) {
    this.socket = socket;
    this.#options = options;
    this.#watch = new Watch(options.clock);
    socket.on('message', (data: Buffer, isBinary) => this.#came(data, isBinary));
    // Told by the close that follows.
    socket.on('error', () => {});
    socket.on('close', (code, reason) => {
      this.ended = { code, reason: reason.toString() };
      this.#note('closed', String(code));
      this.#watch.wake();
    });
  }

  /** The last frames of both directions, for the text of a failure. */
  get transcript(): readonly string[] {
    return this.#lines.slice(-SHOWN);
  }

  /** What comes from now on has this index or a higher one in `frames`. */
  get mark(): number {
    return this.frames.length;
  }

  /** A string goes out as it is, bytes as a binary frame, and anything else as JSON. */
  send(frame: unknown): void {
    if (frame instanceof Uint8Array) this.#note('sent', `${frame.byteLength} bytes in a binary frame`);
    const text = frame instanceof Uint8Array || typeof frame === 'string' ? frame : JSON.stringify(frame);
    if (typeof text === 'string') this.#note('sent', text);
    this.socket.send(text);
  }

  /** Resolves to what `look` finds, asked again whenever something has come. @throws Deviation */
  until<T>(expected: string, look: () => T | undefined, deadlineMs = this.#options.deadlineMs): Promise<T> {
    const again = (): T | undefined => {
      const found = look();
      if (found !== undefined) return found;
      if (this.#misfit !== undefined) throw this.#misfit;
      if (this.ended !== undefined) throw this.deviation(expected, `close ${this.ended.code}`);
      return undefined;
    };
    const late = (): Deviation => this.deviation(expected, `nothing of the kind in ${deadlineMs} ms`);
    return this.#watch.until(again, deadlineMs, late);
  }

  /** The first frame of this type that fits and came at `from` or later. @throws Deviation */
  expect<T extends F['type']>(
    type: T,
    { from = 0, what = '', fits = () => true }: Expected<Extract<F, { type: T }>> = {},
  ): Promise<Extract<F, { type: T }>> {
    const isIt = (frame: F): frame is Extract<F, { type: T }> =>
      frame.type === type && fits(frame as Extract<F, { type: T }>);
    return this.until(`a frame of type ${type}${what === '' ? '' : ` ${what}`}`, () =>
      this.frames.slice(from).find(isIt),
    );
  }

  /** Every frame of this type that has come so far. */
  all<T extends F['type']>(type: T, from = 0): Extract<F, { type: T }>[] {
    return this.frames.slice(from).filter((frame): frame is Extract<F, { type: T }> => frame.type === type);
  }

  /** Sends a ping and waits for its pong; what must not come would have come before it. @throws Deviation */
  async roundTrip(): Promise<void> {
    const from = this.mark;
    this.send(this.#options.ping);
    await this.expect('pong' as F['type'], { from });
  }

  /** Resolves when the socket is closed, with its code. @throws Deviation */
  async closed(code?: number): Promise<number> {
    const expected = code === undefined ? 'a close' : `close ${code}`;
    const ended = await this.until(expected, () => this.ended);
    if (code !== undefined && ended.code !== code) throw this.deviation(expected, `close ${ended.code}`);
    return ended.code;
  }

  /** With the frames that led to it. */
  deviation(expected: string, got: string): Deviation {
    return new Deviation(expected, got, this.transcript);
  }

  /** @throws Deviation unless `isSo`. */
  assert(isSo: boolean, expected: string, got: unknown): void {
    if (!isSo) throw this.deviation(expected, typeof got === 'string' ? got : (JSON.stringify(got) ?? 'nothing'));
  }

  /** Cuts the socket without a word. */
  cut(): void {
    this.#note('cut', '');
    this.socket.terminate();
  }

  #came(data: Buffer, isBinary: boolean): void {
    const text = data.toString('utf8');
    this.texts.push(text);
    this.#note('came', text);
    try {
      if (isBinary) throw new Error('it is binary');
      this.frames.push(this.#options.parse(text));
    } catch (error) {
      this.#misfit ??= this.deviation(
        'only frames that fit their schema',
        `${cut(text)} (${(error as Error).message})`,
      );
    }
    this.#watch.wake();
  }

  #note(what: string, text: string): void {
    this.#lines.push(`${what.padEnd(6)} ${cut(text)}`.trimEnd());
  }
}

interface Expected<F> {
  readonly from?: number;
  /** What is special about it, for the text of a failure. */
  readonly what?: string;
  readonly fits?: (frame: F) => boolean;
}

function cut(text: string): string {
  return text.length > SHOWN_TEXT ? `${text.slice(0, SHOWN_TEXT)}…` : text;
}
