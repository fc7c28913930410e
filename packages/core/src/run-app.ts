/**
 * `runApp()`: gives an app the process: signals, faults, exit codes and the console. Nothing else in Muster touches any of them.
 *
 * However a stop begins, the process ends with it, within the stop budget, and its exit code says why:
 *
 *   0   the app was stopped, by a signal or by `app.stop()`, at any time from the first moment of the boot on
 *   1   the boot failed, or what would have been a 70 later happened before its end
 *   70  a required service died for good, or an exception was caught by nobody; the app was stopped in order all the same
 *   75  forced: a second signal, a stop that overran its budget, or one that ended cleanly but for what hung
 */
import { MusterError, type Timer } from '@muster/contracts';
import { APP_DEFAULTS, STOP_SHARES } from './app-options.ts';
import type { App } from './app.ts';
import { type Clock, systemClock } from './clock.ts';
import { coreError } from './errors.ts';
import { whyAbandoned } from './lifecycle/abandoned.ts';
import type { StopReport } from './lifecycle/shutdown.ts';
import { consoleReporter, jsonReporter, type Reporter } from './reporters.ts';
import type { RuntimeEvent } from './runtime-event.ts';
import { isThenable } from './thenable.ts';

export interface RunOptions {
  /** How events are shown; one that fails is told on stderr and hurts nothing. @default the console for a terminal or with `LOG_FORMAT` unset, JSON lines with `LOG_FORMAT=json` */
  readonly reporter?: Reporter;
  /** Ends the process; called once, when every listener that `runApp` added to the process is off again. @default process.exit */
  readonly exit?: (code: number) => void;
  /** Source of time; tests pass a `FakeClock`. @default systemClock */
  readonly clock?: Clock;
}

export const EXIT = { clean: 0, bootFailed: 1, escalated: 70, forced: 75 } as const;

/**
 * Starts the app, stops it on SIGINT or SIGTERM, and ends the process with the exit code that says how it went.
 *
 * Resolves when the app is up; otherwise only once `exit` has been called, which by default is never. A rejection that
 * nobody handles is told as a `fault` and the process goes on; after an exception that nobody catches nothing can be
 * trusted any more, so it is told as a `fault` and the app is stopped in order.
 */
export async function runApp(app: App, options: RunOptions = {}): Promise<void> {
  await new AppProcess(app, options).run();
}

class AppProcess {
  readonly #app: App;
  readonly #reporter: Reporter;
  readonly #exit: (code: number) => void;
  readonly #clock: Clock;
  /** Takes everything back that was added to the process and to the app. */
  readonly #undo: (() => void)[] = [];
  readonly #ended: Promise<void>;
  #end!: () => void;
  #outcome: keyof typeof EXIT = 'clean';
  #isUp = false;
  #isBootToldOf = false;
  #isStopping = false;
  #isOver = false;
  #signals = 0;
  #lastTimer: Timer | undefined;

  constructor(app: App, options: RunOptions) {
    this.#app = app;
    this.#exit = options.exit ?? ((code) => process.exit(code));
    this.#clock = options.clock ?? systemClock;
    this.#reporter = options.reporter ?? defaultReporter(app, this.#clock);
    this.#ended = new Promise((resolve) => (this.#end = resolve));
  }

  async run(): Promise<void> {
    this.#listen();
    try {
      await this.#app.start();
    } catch (error) {
      this.#bootFailed(error);
      await this.#ended;
    }
  }

  #listen(): void {
    this.#on('SIGINT', () => this.#signalled('SIGINT'));
    this.#on('SIGTERM', () => this.#signalled('SIGTERM'));
    this.#on('unhandledRejection', (error) => this.#fault('unhandled rejection', error));
    this.#on('uncaughtException', (error) => {
      this.#fault('uncaught exception', error);
      this.#worsen();
      void this.#app.stop('an exception was caught by nobody');
    });
    // Nothing is left that could ever happen: whatever was started is stopped before the process ends by itself.
    this.#on('beforeExit', () => void this.#app.stop('nothing is left to do'));
    for (const stream of [process.stdout, process.stderr]) {
      // Whoever read it has gone. That must not take the app along, and there is nobody left to tell.
      const deaf = (): void => {};
      stream.on('error', deaf);
      this.#undo.push(() => stream.off('error', deaf));
    }
    this.#app.events.onListenerFault((error) => this.#reporterFailed(error));
    this.#undo.push(this.#app.events.on((event) => this.#report(event)));
    this.#undo.push(this.#app.events.on((event) => this.#happened(event)));
  }

  #on(event: string, listener: (...args: unknown[]) => void): void {
    process.on(event, listener);
    this.#undo.push(() => process.off(event, listener));
  }

  /** A reporter that rejects must not become an unhandled rejection: that is reported as well, and so on for ever. */
  #report(event: RuntimeEvent): void {
    const told: unknown = this.#reporter(event);
    if (isThenable<unknown, PromiseLike<unknown>>(told)) told.then(undefined, (error) => this.#reporterFailed(error));
  }

  #reporterFailed(error: unknown): void {
    if (!this.#isOver) console.error('A reporter failed:', error);
  }

  #happened(event: RuntimeEvent): void {
    if (event.type === 'boot-completed') this.#isUp = true;
    else if (event.type === 'boot-failed') this.#isBootToldOf = true;
    else if (event.type === 'escalated') this.#worsen();
    else if (event.type === 'stop-started' && !this.#isStopping) {
      this.#isStopping = true;
      // The app has only begun to stop: gates are closed, and its promise is there, when this tick is over.
      queueMicrotask(() => void this.#seeOff(this.#app.stop()));
    }
  }

  #signalled(signal: string): void {
    this.#signals += 1;
    if (this.#signals > 1) this.#finish('forced');
    else void this.#app.stop(signal);
  }

  /** Something went wrong for good, whatever else is going on. */
  #worsen(): void {
    this.#outcome = this.#isUp ? 'escalated' : 'bootFailed';
  }

  #bootFailed(error: unknown): void {
    // A stop that cut the boot short ends the process itself, and what it gave up was no failure.
    if (this.#isStopping && whyAbandoned(error) === 'stop') return;
    this.#outcome = 'bootFailed';
    if (!this.#isBootToldOf) this.#tellOfBoot(error);
    if (!this.#isStopping) this.#finish(this.#outcome);
  }

  /** An app that could not even begin to boot tells of nothing itself. */
  #tellOfBoot(error: unknown): void {
    if (!(error instanceof MusterError)) this.#fault('boot', error);
    else this.#app.events.emit({ type: 'boot-failed', error, at: this.#clock.now() });
  }

  async #seeOff(stopping: Promise<StopReport>): Promise<void> {
    let isClean = false;
    if (!this.#isOver) this.#lastTimer = this.#clock.schedule(this.#stopBudgetMs(), () => this.#overran());
    try {
      const { hung } = await stopping;
      isClean = hung.length === 0;
    } catch (error) {
      this.#fault('stop', error);
    }
    this.#finish(this.#outcome === 'clean' && !isClean ? 'forced' : this.#outcome);
  }

  /** The stop has had its time and has not ended: whoever is to blame is named, and nobody waits any longer. */
  #overran(): void {
    const timeoutMs = this.#stopBudgetMs();
    const { nodes } = this.#app.graph().toJSON();
    const hung = nodes.filter(({ phase }) => phase === 'stopping').map(({ id }) => ({ service: id, method: 'stop' }));
    for (const details of hung.length > 0 ? hung : [{ service: 'server', method: 'close' }]) {
      const error = coreError('STOP_TIMEOUT', { ...details, timeoutMs });
      this.#app.events.emit({ type: 'stop-failed', service: details.service, error, at: this.#clock.now() });
    }
    this.#finish('forced');
  }

  /** The dump tells the services' part of it. */
  #stopBudgetMs(): number {
    try {
      return Math.round(this.#app.graph().toJSON().budgets.stop.budgetMs / STOP_SHARES.services);
    } catch {
      // There is no graph, because an option is wrong; the boot has failed of that.
      return APP_DEFAULTS.stopBudgetMs;
    }
  }

  #fault(component: string, error: unknown): void {
    this.#app.events.emit({ type: 'fault', component, correlation: null, error, at: this.#clock.now() });
  }

  #finish(outcome: keyof typeof EXIT): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#lastTimer?.cancel();
    for (const undo of this.#undo) undo();
    this.#exit(EXIT[outcome]);
    this.#end();
  }
}

function defaultReporter(app: App, clock: Clock): Reporter {
  if (process.env['LOG_FORMAT'] === 'json') return jsonReporter(process.stdout);
  return consoleReporter(process.stdout, { clock, graph: () => app.graph().toJSON() });
}
