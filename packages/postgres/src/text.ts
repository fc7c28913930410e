/**
 * Any text of JavaScript as a text that PostgreSQL takes, and back without a loss.
 *
 * PostgreSQL refuses NUL and halves of surrogate pairs. They stand as an escape, and so does the backslash that begins one;
 * every other character stands as itself, so that ids can be read and searched in the database. No two texts become the same.
 */

const ESCAPED = /[\\\0]|\p{Surrogate}/gu;
const ESCAPE = /\\(\\|0|u([0-9a-f]{4}))/g;

export function encodeText(text: string): string {
  return text.replace(ESCAPED, (character) => {
    if (character === '\\') return '\\\\';
    return character === '\0' ? '\\0' : `\\u${character.charCodeAt(0).toString(16)}`;
  });
}

export function decodeText(text: string): string {
  return text.replace(ESCAPE, (_, kind: string, code: string | undefined) => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    return kind === '0' ? '\0' : '\\';
  });
}
