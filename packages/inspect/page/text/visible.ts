/**
 * Reads what the server sends so that nothing in it can hide.
 *
 * Preact inserts text as text; what is left are characters that change how text looks: control, ESC, bidi and other
 * invisible ones come out as `\u202e`. Line ends and tabs stay, since messages of several lines are honest.
 */
const HIDDEN =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
/** What JSON may hide one of them behind; most messages have none, and are then read without a second look. */
const SUSPECT = new RegExp(`${HIDDEN.source}|\\\\[ubfr]`);

export function visible(text: string): string {
  return text.replace(HIDDEN, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Parses JSON; every text in it, names of fields included, is visible. */
export function readMessage<T>(json: string): T {
  if (!SUSPECT.test(json)) return JSON.parse(json) as T;
  return JSON.parse(json, (_, value: unknown) => {
    if (typeof value === 'string') return visible(value);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [visible(name), each]));
  }) as T;
}
