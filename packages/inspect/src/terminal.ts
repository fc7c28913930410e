/**
 * What the command line writes: text for people, or one line of JSON for machines; problems of its own on stderr.
 *
 * Only a terminal gets colours, and nothing that it did not write itself can move its cursor.
 */
import type { WriteStream } from 'node:tty';
import { escapeText, redact } from '@muster/core/graph';

type Stream = NodeJS.WriteStream | WriteStream;

export type Tone = 'good' | 'bad' | 'busy' | 'quiet';

const COLORS: Readonly<Record<Tone, number>> = { good: 32, bad: 31, busy: 33, quiet: 2 };

/** How the marks of graphs and reports are painted. */
const TONES: Readonly<Record<string, Tone>> = {
  '✔': 'good',
  '●': 'good',
  '+': 'good',
  '▼': 'good',
  '✘': 'bad',
  '-': 'bad',
  '▲': 'busy',
  '◐': 'busy',
  '◑': 'busy',
  '◔': 'busy',
  '~': 'busy',
  '◌': 'quiet',
  '○': 'quiet',
  '·': 'quiet',
};

/** A mark behind the lines of a tree, with a space behind it. */
const MARK = /^([│├└─ ]*(?:\([a-z]+\) )?)([✔●+▼✘▲◐◑◔~◌○·-])(?= )/gmu;

interface Sink {
  readonly stream: Stream;
  readonly write: (text: string, done?: () => void) => void;
}

/** Keeps the way to write, whatever others make of the stream later. */
function sinkOf(stream: Stream): Sink {
  const write = stream.write.bind(stream);
  return { stream, write: (text, done) => write(text, done) };
}

export class Terminal {
  readonly #out: Sink;
  readonly #err: Sink;

  constructor(out: Stream = process.stdout, err: Stream = process.stderr) {
    this.#out = sinkOf(out);
    this.#err = sinkOf(err);
    // Whoever reads may have seen enough, as `head` does; the exit code is for others.
    for (const stream of [out, err]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EPIPE') throw error;
      });
    }
  }

  /** Prints text with marks; it ends with a newline. */
  print(text: string): void {
    this.#out.write(paint(this.#out.stream, text));
  }

  /** Prints text as it is, for other programs to read. */
  printPlain(text: string): void {
    this.#out.write(text);
  }

  /** Prints one line of JSON. */
  printJson(value: unknown): void {
    this.#out.write(`${JSON.stringify(value)}\n`);
  }

  /** Says what went wrong; the text ends with a newline. */
  complain(text: string): void {
    this.#err.write(paint(this.#err.stream, text));
  }

  /** Resolves when everything has been handed over. */
  async flush(): Promise<void> {
    for (const { write } of [this.#out, this.#err]) {
      await new Promise<void>((resolve) => {
        write('', () => resolve());
      });
    }
  }
}

/** Makes what could move a cursor or hide text visible, and takes secrets out; line breaks stay. */
export function printable(text: string): string {
  return redact(text).split('\n').map(escapeText).join('\n');
}

function paint(stream: Stream, text: string): string {
  if (!hasColors(stream)) return text;
  return text.replace(
    MARK,
    (_, indent: string, mark: string) => `${indent}\u001b[${COLORS[TONES[mark] ?? 'quiet']}m${mark}\u001b[0m`,
  );
}

/** https://no-color.org: any value but the empty one turns colours off. */
function hasColors(stream: Stream): boolean {
  return stream.isTTY && (process.env['NO_COLOR'] ?? '') === '' && stream.hasColors();
}
