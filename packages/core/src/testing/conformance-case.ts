/** A case of a conformance suite: works with every test runner, because it throws when something is wrong. */
export interface ConformanceCase<Make> {
  readonly name: string;
  readonly run: (make: Make) => Promise<void>;
}

/** A case on something of its own, which is closed whatever happens. */
export function caseOn<Tested extends { readonly close: () => Promise<void> }, Options extends readonly unknown[]>(
  name: string,
  body: (tested: Tested) => Promise<void>,
  ...options: Options
): ConformanceCase<(...options: Options) => Promise<Tested>> {
  return {
    name,
    run: async (make) => {
      const tested = await make(...options);
      try {
        await body(tested);
      } finally {
        await tested.close();
      }
    },
  };
}
