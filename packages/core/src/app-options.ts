/** What `createApp()` takes, what it takes where nothing is said, and what it does not take. */
import type { Container } from 'inversify';
import type { AppInspector } from './app-inspector.ts';
import type { AppServer } from './app-server.ts';
import type { Clock, Random } from './clock.ts';
import type { Class } from './declare/dependency.ts';
import type { Registration } from './declare/registration.ts';
import { coreError } from './errors.ts';
import type { GateOptions } from './lifecycle/gate.ts';
import type { ScopeOptions } from './scopes/scope-manager.ts';
import type { ClusterOptions } from './state/contract.ts';

export interface AppOptions {
  /** Classes with a Muster decorator, and registrations made by `provide` and `provideValue`. */
  readonly services?: readonly (Class | Registration)[];
  /** A container that has bindings already; theirs are part of the app. @default a new one */
  readonly container?: Container;
  /** What listens behind the gate; `webSocketServer()` makes one. */
  readonly server?: AppServer;
  /** Lets people and machines look at the app, also while it hangs; `inspector()` of `@muster/inspect` makes one. */
  readonly inspect?: AppInspector;
  readonly gate?: GateOptions;
  readonly boot?: {
    /** Time for the whole boot, in milliseconds; failed attempts are repeated until it ends. @default 120_000 */
    readonly budgetMs?: number;
    /** How many services may be in their first attempt at the same time. @default no limit */
    readonly concurrency?: number;
  };
  readonly stop?: {
    /** Time for the whole stop, in milliseconds; below the ten seconds that platforms give between SIGTERM and SIGKILL. @default 9_000 */
    readonly budgetMs?: number;
  };
  /**
   * The contract of this build, and those that it can live with: an instance keeps its gate closed while an older one with
   * which it cannot work side by side lives on the same store. Makes `Instances` part of the app.
   */
  readonly cluster?: ClusterOptions;
  /** How many scopes a user may have open, and how long their disposal may take. */
  readonly scopes?: ScopeOptions;
  /** Source of time; tests pass a `FakeClock`. @default systemClock */
  readonly clock?: Clock;
  /** Source of randomness; tests pass a seeded one. @default systemRandom */
  readonly random?: Random;
}

export const APP_DEFAULTS = { bootBudgetMs: 120_000, stopBudgetMs: 9_000 } as const;

/** Parts of the stop budget: when runs must have ended, sockets be gone, scopes be closed, services be stopped, and the server be closed. */
export const STOP_SHARES = { runs: 0.45, sockets: 0.55, scopes: 0.65, services: 0.9, server: 0.98 } as const;

/** @throws MusterError `OPTION_INVALID` */
export function checkOptions({ boot, stop, scopes, cluster }: AppOptions): void {
  checkBudget('boot.budgetMs', boot?.budgetMs);
  checkBudget('stop.budgetMs', stop?.budgetMs);
  checkCount('boot.concurrency', boot?.concurrency);
  checkCount('scopes.perUser.run', scopes?.perUser?.run);
  checkCount('scopes.perUser.connection', scopes?.perUser?.connection);
  checkBudget('scopes.disposeMs', scopes?.disposeMs);
  checkContract(cluster);
}

function checkBudget(option: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isFinite(value) && value > 0)) {
    throw coreError('OPTION_INVALID', { option, expected: 'a positive number of milliseconds', got: String(value) });
  }
}

function checkCount(option: string, value: number | undefined): void {
  if (value === undefined || (Number.isInteger(value) && value > 0)) return;
  throw coreError('OPTION_INVALID', { option, expected: 'a whole number from 1 on', got: String(value) });
}

function checkContract(cluster: ClusterOptions | undefined): void {
  if (cluster === undefined) return;
  checkCount('cluster.contract', cluster.contract);
  for (const each of cluster.accepts ?? []) checkCount('cluster.accepts', each);
  if (cluster.accepts?.includes(cluster.contract) === false)
    throw coreError('OPTION_INVALID', {
      option: 'cluster.accepts',
      expected: `a list with ${cluster.contract} in it, the contract of this build`,
      got: cluster.accepts.join(', '),
    });
}
