/** How an app parts with what is no service, its server and its scopes: each for as long as it has, and what goes wrong is told. */
import { MusterError } from '@muster/contracts';
import type { AppServer } from './app-server.ts';
import { bounded, type Clock } from './clock.ts';
import { coreError } from './errors.ts';
import type { StopReport } from './lifecycle/shutdown.ts';
import type { RuntimeEvents } from './runtime-event.ts';
import type { ScopeManager } from './scopes/scope-manager.ts';

export class Parting {
  readonly #clock: Clock;
  readonly #events: RuntimeEvents;
  readonly #server: AppServer | undefined;
  readonly #scopes: ScopeManager;

  constructor(clock: Clock, events: RuntimeEvents, server: AppServer | undefined, scopes: ScopeManager) {
    this.#clock = clock;
    this.#events = events;
    this.#server = server;
    this.#scopes = scopes;
  }

  /**
   * Lets the server close; one that cannot say goodbye keeps no service from being stopped.
   *
   * @returns what went wrong, which has been told; as the other two.
   */
  close(withinMs: number): Promise<unknown> {
    return this.#within('server', 'close', withinMs, async () => this.#server?.close());
  }

  /** The server keeps to its time itself; `withinMs` is for one that does not. */
  drain(ownMs: number, quiet: Promise<void>, withinMs: number): Promise<unknown> {
    return this.#within('server', 'drain', withinMs, async () => this.#server?.drain(ownMs, quiet));
  }

  /** Closes what scopes are left; those that take longer go on while services stop. */
  async closeScopes(withinMs: number): Promise<unknown> {
    if (this.#scopes.view() === undefined) return undefined;
    return this.#within('scopes', 'close', withinMs, () => this.#scopes.closeAll());
  }

  async #within(
    service: 'server' | 'scopes',
    method: 'drain' | 'close',
    timeoutMs: number,
    work: () => Promise<void>,
  ): Promise<unknown> {
    const onTimeout = (): Error => coreError('STOP_TIMEOUT', { service, method, timeoutMs: Math.round(timeoutMs) });
    try {
      await bounded({ clock: this.#clock, timeoutMs, onTimeout }, work);
      return undefined;
    } catch (error) {
      this.#events.emit({ type: 'stop-failed', service, error, at: this.#clock.now() });
      return error;
    }
  }
}

/** The report of a stop in which a part of the app that is no service did or did not close. */
export function withPart(report: StopReport, part: 'scopes' | 'server', error: unknown): StopReport {
  if (error === undefined) return report;
  const isHung = error instanceof MusterError && error.code === 'STOP_TIMEOUT';
  const hung = isHung ? [...report.hung, part] : report.hung;
  return { order: report.order, hung, errors: [...report.errors, { service: part, error }] };
}
