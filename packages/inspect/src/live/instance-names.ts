/** As much of the ids of instances as people need to tell one from the others. */

/** The names of all, in their order; of those that are alike, which one it is. */
export function namesOf(all: readonly string[]): string[] {
  const short = all.map((name) => (/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name) ? name.slice(0, 8) : name));
  return short.map((name, index) => {
    const before = short.slice(0, index).filter((other) => other === name).length;
    return before === 0 ? name : `${name}#${before + 1}`;
  });
}
