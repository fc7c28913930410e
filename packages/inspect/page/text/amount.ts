/** How times, sizes and numbers are written: three digits that matter, never more precision than a person can use. */

/** `0.4 ms`, `617 ms`, `2.31 s`, `1 min 5 s`, `3 h 12 min`, `2 d 4 h`. */
export function duration(ms: number): string {
  if (ms < 10) return `${trim(ms, 1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  const seconds = ms / 1_000;
  if (seconds < 59.95) return `${seconds < 10 ? seconds.toFixed(2) : seconds.toFixed(1)} s`;
  return pair(Math.round(seconds));
}

/** The same for what is still going on: whole units, so that it ticks calmly. */
export function elapsed(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  return seconds < 60 ? `${seconds} s` : pair(seconds);
}

function pair(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
    [1, 's'],
  ] as const;
  const at = units.findIndex(([size]) => seconds >= size);
  const [size, name] = units[at] ?? units[3];
  const [next, nextName] = units[at + 1] ?? units[3];
  const rest = Math.floor((seconds % size) / next);
  return `${Math.floor(seconds / size)} ${name}${rest > 0 && size > 1 ? ` ${rest} ${nextName}` : ''}`;
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}

/** `12 345`, with spaces that do not break. */
export function count(value: number): string {
  return String(Math.round(value)).replace(/\B(?=(\d{3})+$)/g, '\u00a0');
}

/** `1 service`, `2 services`. */
export function plural(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`;
}

export function bytes(value: number): string {
  if (value < 1_000) return `${value} B`;
  return value < 1_000_000 ? `${trim(value / 1_000, 1)} kB` : `${trim(value / 1_000_000, 1)} MB`;
}

/** `14:03:07.120`, in the time zone of who looks. */
export function clockTime(at: number, withMillis = false): string {
  const date = new Date(at);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) => String(part).padStart(2, '0'));
  return parts.join(':') + (withMillis ? `.${String(date.getMilliseconds()).padStart(3, '0')}` : '');
}
