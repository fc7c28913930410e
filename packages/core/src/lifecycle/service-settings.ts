/**
 * The options of a service with their defaults filled in and their ranges checked. All times are in milliseconds.
 */
import type { ServiceOptions } from '../declare/service-contract.ts';
import { coreError } from '../errors.ts';

/** Defaults of `ServiceOptions`, and the fixed times of the engine. */
export const SERVICE_DEFAULTS = {
  startTimeoutMs: 15_000,
  /** Extensions make an attempt at most so many times as long. */
  startMaxFactor: 4,
  stopTimeoutMs: 3_000,
  healthEveryMs: 5_000,
  healthTimeoutMs: 1_000,
  healthFailures: 3,
  healthSuccesses: 1,
  probeEveryMs: 30_000,
  probeTimeoutMs: 5_000,
  /** Interval between checks while a service is suspect. */
  suspectEveryMs: 1_000,
  /** Interval between deep checks while one fails. */
  probeAgainMs: 5_000,
  /** Pause after a failed attempt of a boot, doubled up to the cap. */
  backoffMs: 250,
  backoffCapMs: 5_000,
  /** Pause between checks while a started service is not yet healthy. */
  firstCheckEveryMs: 250,
  restartLimit: 10,
  restartDelayMs: 1_000,
  restartCapMs: 30_000,
  /** A service that was up for so long has started with a clean sheet. */
  forgivenAfterMs: 60_000,
} as const;

export interface ServiceSettings {
  readonly startTimeoutMs: number;
  readonly startMaxMs: number;
  readonly stopTimeoutMs: number;
  readonly healthEveryMs: number;
  readonly healthTimeoutMs: number;
  readonly failures: number;
  readonly successes: number;
  readonly degradedIsReady: boolean;
  /** Whether an attempt lasts until the service is first well. */
  readonly healthAwaited: boolean;
  readonly probeEveryMs: number;
  readonly probeTimeoutMs: number;
  readonly restartWhen: 'never' | 'crash' | 'unhealthy';
  readonly restartLimit: number;
  readonly restartDelayMs: number;
  readonly restartCapMs: number;
}

/** Most services say nothing of their times, and share these. */
let defaults: ServiceSettings | undefined;

/**
 * Settings of a service.
 *
 * @throws MusterError `OPTION_INVALID` naming the option and the value that it got.
 */
export function settingsOf(service: string, options: ServiceOptions): ServiceSettings {
  const { start, health, probe, restart, stop } = options;
  const saysNothing = [start, health, probe, restart, stop].every((said) => said === undefined);
  if (saysNothing) return (defaults ??= filled({}));
  checkRanges(service, options);
  return filled(options);
}

function filled({ start = {}, health = {}, probe = {}, restart = {}, stop = {} }: ServiceOptions): ServiceSettings {
  const startTimeoutMs = start.timeoutMs ?? SERVICE_DEFAULTS.startTimeoutMs;
  return {
    startTimeoutMs,
    startMaxMs: Math.max(startTimeoutMs, start.maxMs ?? startTimeoutMs * SERVICE_DEFAULTS.startMaxFactor),
    stopTimeoutMs: stop.timeoutMs ?? SERVICE_DEFAULTS.stopTimeoutMs,
    healthEveryMs: health.everyMs ?? SERVICE_DEFAULTS.healthEveryMs,
    healthTimeoutMs: health.timeoutMs ?? SERVICE_DEFAULTS.healthTimeoutMs,
    failures: health.failures ?? SERVICE_DEFAULTS.healthFailures,
    successes: health.successes ?? SERVICE_DEFAULTS.healthSuccesses,
    degradedIsReady: health.degradedIsReady ?? false,
    healthAwaited: health.awaited ?? true,
    probeEveryMs: probe.everyMs ?? SERVICE_DEFAULTS.probeEveryMs,
    probeTimeoutMs: probe.timeoutMs ?? SERVICE_DEFAULTS.probeTimeoutMs,
    restartWhen: restart.when ?? 'crash',
    restartLimit: restart.limit ?? SERVICE_DEFAULTS.restartLimit,
    restartDelayMs: restart.delayMs ?? SERVICE_DEFAULTS.restartDelayMs,
    restartCapMs: restart.capMs ?? SERVICE_DEFAULTS.restartCapMs,
  };
}

function checkRanges(service: string, { start, health, probe, restart, stop }: ServiceOptions): void {
  const times: Readonly<Record<string, number | undefined>> = {
    'start.timeoutMs': start?.timeoutMs,
    'start.maxMs': start?.maxMs,
    'health.everyMs': health?.everyMs,
    'health.timeoutMs': health?.timeoutMs,
    'probe.everyMs': probe?.everyMs,
    'probe.timeoutMs': probe?.timeoutMs,
    'restart.delayMs': restart?.delayMs,
    'restart.capMs': restart?.capMs,
    'stop.timeoutMs': stop?.timeoutMs,
  };
  for (const [name, value] of Object.entries(times)) {
    if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
      invalid(`${name} of ${service}`, 'a positive number of milliseconds', value);
    }
  }
  const counts: Readonly<Record<string, [number | undefined, number]>> = {
    'health.failures': [health?.failures, 1],
    'health.successes': [health?.successes, 1],
    'restart.limit': [restart?.limit, 0],
  };
  for (const [name, [value, least]] of Object.entries(counts)) {
    if (value !== undefined && !(Number.isInteger(value) && value >= least)) {
      invalid(`${name} of ${service}`, `a whole number from ${least} on`, value);
    }
  }
}

function invalid(option: string, expected: string, got: unknown): never {
  throw coreError('OPTION_INVALID', { option, expected, got: String(got) });
}
