/**
 * The one error class of Muster, and the catalogues that its codes come from.
 *
 * Every error says what happened (`message`), what to do next (`hint`) and the same facts as data (`details`).
 */

/** What a catalogue says of one code. `D` is the shape of `details`. */
export interface ErrorEntry<D> {
  /** What, which, how long: a whole sentence made from the details. */
  readonly message: (details: D) => string;
  /** The next action. */
  readonly hint: string;
  /** True when trying again cannot help: configuration and contract errors. @default false */
  readonly fatal?: boolean;
}

/** All codes of a package. */
export type ErrorEntries = Readonly<Record<string, ErrorEntry<never>>>;

type DetailsOf<E> = E extends ErrorEntry<infer D> ? D : never;

/** On every error of ours, whichever copy of this package made it. */
const BRAND: unique symbol = Symbol.for('muster.error/1');

/** Thrown by every Muster package for every condition that it foresees. */
export class MusterError extends Error {
  override readonly name: string = 'MusterError';
  readonly code: string;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** True when the same attempt cannot succeed later. */
  readonly fatal: boolean;

  constructor(
    code: string,
    text: { message: string; hint: string; fatal?: boolean },
    details: Readonly<Record<string, unknown>> = {},
    cause?: unknown,
  ) {
    super(text.message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.hint = text.hint;
    this.details = details;
    this.fatal = text.fatal ?? false;
  }

  /** An error of a second copy of this package is one as well: two of them in a process must not turn what is known into a bug. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    if (this !== MusterError) return Function.prototype[Symbol.hasInstance].call(this, value);
    return typeof value === 'object' && value !== null && BRAND in value;
  }

  get [BRAND](): true {
    return true;
  }

  /** The error as data, without stack or cause: safe to log and to compare. */
  toJSON(): { code: string; message: string; hint: string; details: Readonly<Record<string, unknown>> } {
    return { code: this.code, message: this.message, hint: this.hint, details: this.details };
  }
}

/** Makes an error of the catalogue: `coreError('GATE_CLOSED', { waitedMs, waitingFor })`. */
export type ErrorMaker<E extends ErrorEntries> = <C extends keyof E & string>(
  code: C,
  details: DetailsOf<E[C]>,
  cause?: unknown,
) => MusterError;

/** Turns a catalogue into the function that makes its errors; the compiler then knows codes and details. */
export function errorsFrom<E extends ErrorEntries>(entries: E): ErrorMaker<E> {
  return (code, details, cause) => {
    const entry = entries[code] as unknown as ErrorEntry<unknown>;
    return new MusterError(
      code,
      { message: entry.message(details), hint: entry.hint, fatal: entry.fatal ?? false },
      details as Readonly<Record<string, unknown>>,
      cause,
    );
  };
}

/** An error and the causes behind it; bounded, because a cause may lead back to its effect. */
export function* causeChain(error: unknown): Generator<Error> {
  for (let at = error, depth = 0; at instanceof Error && depth < 32; at = at.cause, depth += 1) yield at;
}

/** The text of anything that was thrown, also when it is no Error. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message || thrown.name;
  return typeof thrown === 'string'
    ? thrown
    : `something that is no Error was thrown: ${Object.prototype.toString.call(thrown)}`;
}
