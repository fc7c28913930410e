/**
 * What PostgreSQL, its driver and the network throw, as errors of this package.
 *
 * Their texts may hold data and addresses and their objects a whole connection, so only a plain copy becomes a cause.
 */
import { causeChain, MusterError } from '@muster/contracts';
import { reasonOf, redact } from '@muster/core';
import { postgresError } from './errors.ts';

/** A wrong password, a user that may not connect, an unknown database, a missing privilege. */
const REFUSED = new Set(['28P01', '28000', '3D000', '42501']);
/** A password that is needed and not given, and TLS that is asked for and not offered, have no code. */
const REFUSED_BY_DRIVER = /^(SASL|The server does not support SSL)/;
/** The server stops, starts, was taken over by another, or has no connection left. */
const UNAVAILABLE = new Set(['57P01', '57P02', '57P03', '57P05', '53300', '25006', '25P03']);
/** The server has given a statement up: `statement_timeout`, `lock_timeout`. */
const TIMED_OUT = new Set(['57014', '55P03']);
/** Of the classes of PostgreSQL; codes of Node begin with other letters. */
const SQL_STATE = /^[0-9FHPX][0-9A-Z]{4}$/;

/** What a call threw that failed below us. */
export function failureOf(error: unknown, timeoutMs: number): MusterError {
  if (error instanceof MusterError) return error;
  const cause = plain(error);
  const { code } = cause;
  if (code !== undefined && TIMED_OUT.has(code)) return postgresError('POSTGRES_TIMEOUT', { timeoutMs }, cause);
  const isState = code !== undefined && SQL_STATE.test(code);
  if (isState && !UNAVAILABLE.has(code) && !REFUSED.has(code) && !code.startsWith('08'))
    return postgresError('POSTGRES_FAILED', { sqlState: code }, cause);
  // Without a code are the driver's own: the connection has ended, or there was none in time.
  return postgresError('POSTGRES_UNAVAILABLE', { reason: code ?? 'no connection' }, cause);
}

/** What kept the app from its database at the start: fatal where trying again cannot mend it. */
export function startFailureOf(error: unknown, target: string): MusterError {
  if (error instanceof MusterError && error.code === 'POSTGRES_TIMEOUT')
    return postgresError(
      'POSTGRES_UNREACHABLE',
      { target, reason: `no answer in ${Number(error.details['timeoutMs'])} ms` },
      error,
    );
  if (error instanceof MusterError && error.cause === undefined) return error;
  const cause = plain(error instanceof MusterError ? error.cause : error);
  const { code } = cause;
  const isRefused = (code !== undefined && REFUSED.has(code)) || REFUSED_BY_DRIVER.test(cause.message);
  const reason = cause.message.replace(/\.$/, '');
  return postgresError(isRefused ? 'POSTGRES_REFUSED' : 'POSTGRES_UNREACHABLE', { target, reason }, cause);
}

/** The error of this package behind what a query builder made of it, whose text holds all parameters. */
export function unwrapped(error: unknown): unknown {
  for (const each of causeChain(error)) if (each instanceof MusterError) return each;
  return error;
}

type Plain = Error & { readonly code?: string };

function plain(error: unknown): Plain {
  // Both addresses of one host were tried: the text stands in the parts.
  const told = error instanceof AggregateError && error.message === '' ? error.errors[0] : error;
  const { code } = (error ?? {}) as { code?: unknown };
  return Object.assign(new Error(reasonOf(told)), typeof code === 'string' ? { code: redact(code) } : {});
}
