/** Keeps the number of time series bounded: names that come from outside are kept as they are up to a number, then become `other`. */

/** How many names a label may have before the next becomes `other`. */
const NAMES = 100;
const LONGEST = 80;

export class BoundedLabels {
  readonly #seen = new Map<string, Set<string>>();

  /** The name, or `other`. */
  of(label: string, name: string): string {
    let seen = this.#seen.get(label);
    if (seen === undefined) {
      seen = new Set();
      this.#seen.set(label, seen);
    }
    if (seen.has(name)) return name;
    if (seen.size >= NAMES || name.length > LONGEST) return 'other';
    seen.add(name);
    return name;
  }
}
