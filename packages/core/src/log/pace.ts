/**
 * How long appends wait for others: under load each for the same time after it was made, so that what its stream gets
 * meanwhile joins it. Fewer and larger records leave, a few in every millisecond, and none waits much longer than that time.
 */

/**
 * It begins where so many events come in a millisecond, and lasts while there are half as many, since those who wait for each
 * other leave in waves. It is so many milliseconds for each append that leaves in one, up to a bound: the fewer leave, the
 * less there is to gain.
 */
const GATHER = { fromPerMs: 10, whilePerMs: 5, msPerRate: 4, mostMs: 20 } as const;
/** Over how much time the load is looked at, in milliseconds. */
const WINDOW_MS = 100;
/** How far apart, in milliseconds, those leave whose time is over. */
const APART_MS = 1;
/** What joined within so many milliseconds has joined at the same time. */
const GRAIN_MS = 0.5;

/** The last that had joined by then. */
interface Mark {
  readonly at: number;
  number: number;
}

export class Pace {
  /** How long each waits. */
  #ms = 0;
  /** When those who wait have joined, the oldest first. */
  #marks: Mark[] = [];
  /** When somebody left last, or could have. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  /** Since when it is counted what leaves. */
  #windowAt = Number.NEGATIVE_INFINITY;
  #appends = 0;
  #events = 0;

  /** False while everybody may leave at once. */
  get isSlow(): boolean {
    return this.#ms > 0;
  }

  /**
   * One has joined.
   *
   * @param number how many ever have.
   * @param isAlone true when nobody else waits.
   */
  joined(now: number, number: number, isAlone: boolean): void {
    if (isAlone) {
      this.#marks = [];
      // Nobody came for so long: the load is over, and this one waits for nobody.
      if (now - this.#lookedAt >= this.#ms) return this.#count(now, 0);
    }
    const last = this.#marks.at(-1);
    if (last !== undefined && now - last.at < GRAIN_MS) last.number = number;
    else this.#marks.push({ at: now, number });
  }

  /** How long it is until somebody may leave, in milliseconds. */
  delayAt(now: number): number {
    const [first] = this.#marks;
    const left = first === undefined ? 0 : first.at + this.#ms - now;
    return left > 0 ? Math.max(left, APART_MS) : 0;
  }

  /**
   * The last that may leave.
   *
   * @param latest the last that has joined.
   */
  dueAt(now: number, latest: number): number {
    if (!this.isSlow) this.#marks = [];
    // Those who joined when nobody waited wait for nobody.
    if (this.#marks.length === 0) return latest;
    const waiting = this.#marks.findIndex(({ at }) => at + this.#ms > now);
    const gone = this.#marks.splice(0, waiting === -1 ? this.#marks.length : waiting);
    return gone.at(-1)?.number ?? 0;
  }

  /** So many have left since the last time. */
  left(now: number, appends: number, events: number): void {
    this.#lookedAt = now;
    this.#appends += appends;
    this.#events += events;
    const elapsed = now - this.#windowAt;
    if (elapsed < WINDOW_MS) return;
    // Of a clock that stands still there is no rate.
    const isMuch = this.#events >= elapsed * (this.isSlow ? GATHER.whilePerMs : GATHER.fromPerMs);
    this.#count(now, isMuch ? Math.min((this.#appends / elapsed) * GATHER.msPerRate, GATHER.mostMs) : 0);
  }

  /** Begins to count anew what leaves, and lets everybody wait for so long. */
  #count(now: number, ms: number): void {
    this.#windowAt = now;
    this.#ms = ms;
    this.#appends = 0;
    this.#events = 0;
  }
}
