/** Lets so many lines of one kind pass in a second, and says at its end how many were left out: a flood hides nothing else. */
import type { Clock } from '@muster/core';
import type { LogLine } from './log-line.ts';

const SECOND_MS = 1_000;

interface Second {
  passed: number;
  leftOut: number;
  last: LogLine;
}

export class Flood {
  readonly #clock: Clock;
  readonly #perSecond: number;
  readonly #write: (line: LogLine) => void;
  readonly #kinds = new Map<string, Second>();
  #isCounting = false;

  constructor(clock: Clock, perSecond: number, write: (line: LogLine) => void) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#write = write;
  }

  /** Writes the line, or counts it. */
  take(line: LogLine): void {
    const second = this.#kinds.get(line.kind) ?? { passed: 0, leftOut: 0, last: line };
    this.#kinds.set(line.kind, second);
    this.#count();
    second.last = line;
    if (second.passed < this.#perSecond) {
      second.passed += 1;
      this.#write(line);
    } else second.leftOut += 1;
  }

  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    this.#clock.schedule(SECOND_MS, () => this.#over());
  }

  #over(): void {
    this.#isCounting = false;
    for (const [kind, { leftOut, last }] of this.#kinds) {
      if (leftOut === 0) continue;
      const fields = { connection: null, run: null, correlation: null, kind, leftOut };
      this.#write({ ...last, at: this.#clock.now(), text: `${leftOut} more lines of this kind: ${last.text}`, fields });
    }
    this.#kinds.clear();
  }
}
