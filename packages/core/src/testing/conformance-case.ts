/** A case of a conformance suite: works with every test runner, because it throws when something is wrong. */
export interface ConformanceCase<Make> {
  readonly name: string;
  readonly run: (make: Make) => Promise<void>;
}
