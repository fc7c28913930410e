/** The two ways in which a check ends without passing. Neither is an error of the kit: both are its result. */

/** Something else happened than the specification says. */
export class Deviation extends Error {
  override readonly name = 'Deviation';
  readonly expected: string;
  readonly got: string;
  /** The frames around it, oldest first. */
  readonly frames: readonly string[];

  constructor(expected: string, got: string, frames: readonly string[] = []) {
    super(`expected ${expected}, got ${got}`);
    this.expected = expected;
    this.got = got;
    this.frames = frames;
  }
}

/** The point cannot be seen here, and why. */
export class NotApplicable extends Error {
  override readonly name = 'NotApplicable';
}
