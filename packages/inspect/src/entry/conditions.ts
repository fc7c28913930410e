/** The export conditions that Node was started with, so that a compiled entry gets the files that Node would have taken. */

/** In the order in which they were given; from the command line and from `NODE_OPTIONS`. */
export function conditionsOf(execArgv: readonly string[], nodeOptions: string | undefined): string[] {
  return [...conditionsIn(wordsOf(nodeOptions ?? '')), ...conditionsIn(execArgv)];
}

function conditionsIn(words: readonly string[]): string[] {
  return words.flatMap((word, index) => {
    const attached = /^(?:--conditions|-C)=(.+)$/.exec(word)?.[1];
    if (attached !== undefined) return [attached];
    const next = words[index + 1];
    return (word === '--conditions' || word === '-C') && next !== undefined ? [next] : [];
  });
}

/** Splits as Node does: at spaces outside of double quotes, where a backslash escapes. */
function wordsOf(text: string): string[] {
  return [...text.matchAll(/(?:[^\s"]|"(?:\\.|[^"\\])*")+/g)].map(([word]) =>
    word.replace(/"((?:\\.|[^"\\])*)"/g, (_, quoted: string) => quoted.replace(/\\(.)/g, '$1')),
  );
}
