/**
 * The ways between one instance and what it shares with others: they can be cut in either direction, and under weather
 * messages are late, lost and doubled.
 *
 * It does what a client of a store does and no more: what got no answer is sent again under the same name, so that it is
 * written once at the most. Of a store that is given up, and nobody knows whether it was written, or will be; what goes into
 * the log is sent until there is an answer.
 */
import type { Clock, Timer } from '@muster/contracts';
import type { EventsJson, Gathering } from '@muster/core';
import type { InstanceClock, SeededRandom } from '@muster/core/testing';

/** How bad the ways are. */
export interface Weather {
  /** Longest time of one message, in milliseconds. */
  readonly delayMs: number;
  /** Chance of a message to be lost. */
  readonly loss: number;
  /** Chance of a message to come twice. */
  readonly twice: number;
}

/** When what got no answer is sent again, how often that is tried, and how late a lost change is seen, in milliseconds. */
const PATIENCE = { againMs: 2_000, tries: 4, missedMs: 3_000 } as const;

/** What is written once however often it arrives. */
const WRITES: ReadonlySet<string> = new Set(['create', 'update', 'delete', 'append', 'drop']);

interface LinkParts {
  readonly isShared: boolean;
  /** Of the instance: what it is told waits while it stands still. */
  readonly clock: InstanceClock;
  /** Of everybody: what is under way arrives though its sender stands still. */
  readonly wire: Clock;
  readonly random: SeededRandom;
}

/** Told of each call before it is made, and of what came of it. */
interface Listening {
  readonly called?: (method: string, args: readonly unknown[]) => void;
  readonly done?: (method: string, args: readonly unknown[], result: unknown) => void;
}

export class Link {
  /** @default undefined: what is sent arrives at once */
  weather: Weather | undefined;
  readonly #parts: LinkParts;
  #isMute = false;
  #isDeaf = false;
  readonly #unanswered = new Set<(reason: Error) => void>();
  /** What watchers are told once the link is there again, as by a client that catches up. */
  #untold: (() => void)[] = [];

  constructor(parts: LinkParts) {
    this.#parts = parts;
  }

  get isCut(): boolean {
    return this.#isMute || this.#isDeaf;
  }

  /** Both ways at once. Without weather what was under way fails once they are there again: whether it was done nobody knows. */
  set isCut(isCut: boolean) {
    this.#isMute = isCut;
    this.isDeaf = isCut;
  }

  /** Nothing that the instance sends arrives. */
  set isMute(isMute: boolean) {
    this.#isMute = isMute;
  }

  /** Nothing that is sent to the instance arrives; what it watches it sees late. */
  set isDeaf(isDeaf: boolean) {
    this.#isDeaf = isDeaf;
    if (isDeaf) return;
    for (const tell of this.#untold.splice(0)) tell();
    if (this.weather !== undefined) return;
    for (const fail of this.#unanswered) fail(new Error('the link was cut'));
  }

  over<T extends object>(target: T, { called, done }: Listening = {}): T {
    return new Proxy(target, {
      get: (_, name) => {
        if (name === 'isShared') return this.#parts.isShared;
        const value = Reflect.get(target, name, target) as unknown;
        if (typeof value !== 'function') return value;
        const method = String(name);
        const call = value.bind(target) as (...args: readonly unknown[]) => Promise<unknown>;
        if (method === 'watch' || method === 'subscribe') return this.#listening(call);
        return (...args: readonly unknown[]) => {
          const sent = method === 'append' && this.weather !== undefined ? gathered(args) : args;
          return this.#ask(method, async () => {
            called?.(method, sent);
            const result = await call(...sent);
            done?.(method, sent, result);
            return result;
          });
        };
      },
    });
  }

  #ask(method: string, call: () => Promise<unknown>): Promise<unknown> {
    const { clock, wire } = this.#parts;
    return new Promise((resolve, reject) => {
      let timer: Timer | undefined;
      const settle = (how: () => void): void => {
        this.#unanswered.delete(fail);
        timer?.cancel();
        how();
      };
      const fail = (reason: Error): void => settle(() => reject(reason));
      this.#unanswered.add(fail);
      let written: Promise<unknown> | undefined;
      const arrive = (): void => {
        const result = WRITES.has(method) ? (written ??= call()) : call();
        result.then(
          (value) => this.#carry(clock, this.#isDeaf, () => settle(() => resolve(value))),
          (error: Error) => this.#carry(clock, this.#isDeaf, () => fail(error)),
        );
      };
      const send = (): void => this.#carry(wire, this.#isMute, arrive);
      send();
      if (this.weather === undefined) return;
      const again = (tries: number): void => {
        timer = clock.schedule(PATIENCE.againMs, () => {
          if (tries === PATIENCE.tries && method !== 'append') {
            fail(new Error('there was no answer'));
            return;
          }
          send();
          again(tries + 1);
        });
      };
      again(1);
    });
  }

  /** Takes a message to its end, unless it is lost on the way. */
  #carry(clock: Clock, isCut: boolean, arrive: () => void): void {
    if (isCut) return;
    if (this.weather === undefined) {
      arrive();
      return;
    }
    const { random } = this.#parts;
    const { delayMs, loss, twice } = this.weather;
    if (!random.chance(loss)) clock.schedule(random.below(delayMs + 1), arrive);
    if (random.chance(twice)) clock.schedule(random.below(delayMs + 1), arrive);
  }

  /** Changes come in their order, as the port says: one that is late makes those behind it late as well. */
  #listening(call: (...args: readonly unknown[]) => unknown) {
    const { clock, wire, random } = this.#parts;
    return (of: unknown, sink: (heard: unknown) => void) => {
      let isOpen = true;
      let lastAt = 0;
      const hear = (heard: unknown): void => void (isOpen && sink(heard));
      const tell = (heard: unknown): void => {
        if (this.#isDeaf) {
          this.#untold.push(() => tell(heard));
          return;
        }
        if (this.weather === undefined && lastAt <= wire.monotonic()) {
          hear(heard);
          return;
        }
        const { delayMs, loss, twice } = this.weather ?? { delayMs: 0, loss: 0, twice: 0 };
        const lateMs = random.below(delayMs + 1) + (random.chance(loss) ? PATIENCE.missedMs : 0);
        lastAt = Math.max(lastAt, wire.monotonic() + lateMs);
        clock.schedule(lastAt - wire.monotonic(), () => hear(heard));
        if (random.chance(twice)) clock.schedule(lastAt - wire.monotonic(), () => hear(heard));
      };
      const subscription = call(of, tell) as { close(): void };
      return {
        close: () => {
          isOpen = false;
          subscription.close();
        },
      };
    };
  }
}

/** What is on its way is what there was when it was sent. */
function gathered([stream, events, expected]: readonly unknown[]): readonly unknown[] {
  if (typeof events !== 'function') return [stream, events, expected];
  const made: EventsJson = (events as Gathering)();
  return [stream, () => made, expected];
}
