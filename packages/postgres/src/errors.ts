/**
 * The error catalogue of `@muster/postgres`.
 *
 * What a call may throw can reach a client, so it names no host and quotes no data; the server's own words are its cause.
 */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const POSTGRES_ERRORS = {
  POSTGRES_OPTION_INVALID: {
    message: (d) => `The option ${d.option} of postgres() must be ${d.expected}, and is ${d.got}.`,
    hint: 'Correct the option; a URL looks like postgres://user:password@host:5432/database.',
    fatal: true,
  } satisfies ErrorEntry<{ option: string; expected: string; got: string }>,
  POSTGRES_REFUSED: {
    message: (d) => `PostgreSQL at ${d.target} refuses this app: ${d.reason}.`,
    hint: 'Correct user, password or database in the URL, or give the user the privilege that it lacks.',
    fatal: true,
  } satisfies ErrorEntry<{ target: string; reason: string }>,
  POSTGRES_UNREACHABLE: {
    message: (d) => `PostgreSQL at ${d.target} cannot be reached: ${d.reason}.`,
    hint: 'Look whether the server runs, and whether its address and port are right.',
  } satisfies ErrorEntry<{ target: string; reason: string }>,
  POSTGRES_UNSUITABLE: {
    message: (d) => `The database at ${d.target} has the encoding ${d.encoding}, which cannot hold every text.`,
    hint: "Make a database with the encoding UTF8: create database … encoding 'UTF8' template template0.",
    fatal: true,
  } satisfies ErrorEntry<{ target: string; encoding: string }>,
  POSTGRES_SCHEMA_NEWER: {
    message: (d) =>
      `The tables at ${d.target} have version ${d.found}, and this version of @muster/postgres knows versions up to ${d.known}.`,
    hint: 'Run the version of @muster/postgres that made them, or a newer one. Nothing was changed.',
    fatal: true,
  } satisfies ErrorEntry<{ target: string; found: number; known: number }>,
  POSTGRES_UNAVAILABLE: {
    message: (d) => `PostgreSQL is not available (${d.reason}).`,
    hint: 'Try again: connections are made anew as soon as the server answers. Whether a write was done is not known.',
  } satisfies ErrorEntry<{ reason: string }>,
  POSTGRES_TIMEOUT: {
    message: (d) => `PostgreSQL did not do it within ${d.timeoutMs} ms.`,
    hint: 'Try again; if it happens often, look for long locks and slow disks, or raise callMs.',
  } satisfies ErrorEntry<{ timeoutMs: number }>,
  POSTGRES_FAILED: {
    message: (d) => `PostgreSQL could not do it (SQLSTATE ${d.sqlState}).`,
    hint: "Look up the SQLSTATE and the error's cause. Nothing was changed.",
  } satisfies ErrorEntry<{ sqlState: string }>,
  POSTGRES_CLOSED: {
    message: () => 'The pool of connections to PostgreSQL is not open.',
    hint: 'Use it between start and stop of the app; depend on it, so that it is stopped later.',
  } satisfies ErrorEntry<{}>,
} as const;

/** Makes an error of this catalogue. */
export const postgresError = errorsFrom(POSTGRES_ERRORS);
