/** `pinoReporter()` and `lineReporter()`: reporters for `runApp` that write the events of an app into a log. */
import { type Clock, isoTime, type Output, type Reporter, systemClock } from '@muster/core';
import { Flood } from './flood.ts';
import { type Level, levelOf, logLine, type LogLine } from './log-line.ts';

/** What is used of pino, or of any logger that is called like it. */
export type PinoLike = Readonly<Record<Level, (fields: object, text: string) => void>>;

export interface LogOptions {
  /** Least level that is written. @default 'info' */
  readonly level?: Level;
  /** Lines of one kind that are written in a second; how many more there were is said at its end. @default 20 */
  readonly perSecond?: number;
  /** Source of time; tests pass a `FakeClock`. @default systemClock */
  readonly clock?: Clock;
}

export const LOG_DEFAULTS = { level: 'info', perSecond: 20 } as const;

const RANKS: Readonly<Record<Level, number>> = { debug: 0, info: 1, warn: 2, error: 3 };

/**
 * Writes events as lines of pino, each with the connection, run and correlation that it is about.
 *
 * The logger's own level counts as well.
 */
export function pinoReporter(logger: PinoLike, options: LogOptions = {}): Reporter {
  return reporter(options, ({ level, text, type, fields }) => logger[level]({ event: type, ...fields }, text));
}

/** Writes events as lines of text, `2026-01-01T00:00:00.000Z WARN text name=value …`, for a console or a file. */
export function lineReporter(output: Output, options: LogOptions = {}): Reporter {
  return reporter(options, ({ level, text, at, fields }) => {
    const values = Object.entries(fields).filter(([, value]) => value !== null);
    const pairs = values.map(([name, value]) => ` ${name}=${JSON.stringify(value)}`).join('');
    output.write(`${isoTime(at)} ${level.toUpperCase().padEnd(5)} ${text}${pairs}\n`);
  });
}

function reporter(options: LogOptions, write: (line: LogLine) => void): Reporter {
  const { level, perSecond, clock } = { ...LOG_DEFAULTS, clock: systemClock, ...options };
  const flood = new Flood(clock, perSecond, write);
  return (event) => {
    if (RANKS[levelOf(event)] >= RANKS[level]) flood.take(logLine(event));
  };
}
