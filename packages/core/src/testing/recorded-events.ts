/**
 * Every runtime event of an app since the recording began, and the questions that tests ask of them.
 */
import type { App } from '../app.ts';
import type { RuntimeEvent } from '../runtime-event.ts';

type Type = RuntimeEvent['type'];
type Of<T extends Type> = Extract<RuntimeEvent, { type: T }>;

export class RecordedEvents {
  readonly all: RuntimeEvent[] = [];
  readonly #waiting = new Set<(event: RuntimeEvent) => void>();

  /** Begins now; make one before `app.start()`. */
  constructor(app: App) {
    app.events.on((event) => {
      this.all.push(event);
      for (const waiting of this.#waiting) waiting(event);
    });
  }

  /** All events of one type. */
  of<T extends Type>(type: T): Of<T>[] {
    return this.all.filter((event): event is Of<T> => event.type === type);
  }

  /** The moves of one kind of machine as `subject:to`. */
  moves(machine: Of<'moved'>['machine']): string[] {
    return this.of('moved').flatMap((event) => (event.machine === machine ? [`${event.subject}:${event.to}`] : []));
  }

  /** The states that a service or a gate went through, in order. */
  path(subject: string): string[] {
    return this.of('moved').flatMap((event) => (event.subject === subject ? [event.to] : []));
  }

  /** The first event of a type that fits, of those recorded or to come. */
  first<T extends Type>(type: T, fits: (event: Of<T>) => boolean = () => true): Promise<Of<T>> {
    const known = this.of(type).find(fits);
    if (known !== undefined) return Promise.resolve(known);
    return new Promise((resolve) => {
      const waiting = (event: RuntimeEvent): void => {
        if (event.type !== type || !fits(event as Of<T>)) return;
        this.#waiting.delete(waiting);
        resolve(event as Of<T>);
      };
      this.#waiting.add(waiting);
    });
  }

  /**
   * Asserts that these moves of services and gates happened in this order, others between them or not.
   *
   * @param moves as `Database:running`.
   * @throws Error that shows which move was missing or too early, and all that happened.
   */
  assertOrder(...moves: readonly string[]): void {
    const happened = [...this.of('moved')].map((event) => `${event.subject}:${event.to}`);
    let from = 0;
    for (const move of moves) {
      const found = happened.indexOf(move, from);
      if (found < 0) {
        const why = happened.includes(move) ? 'came before those named before it' : 'never happened';
        throw new Error(`${move} ${why}. What happened:\n  ${happened.join('\n  ')}`);
      }
      from = found + 1;
    }
  }
}
