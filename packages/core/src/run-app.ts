/**
 * `runApp()`: gives an app the process: signals, exit codes and the console. Nothing else in Muster touches any of them.
 *
 * Exit codes: 0 stopped cleanly, 1 the boot failed, 70 a required service died for good, 75 forced by a second signal or something hung.
 */
import type { App } from './app.ts';
import { systemClock } from './clock.ts';
import { consoleReporter, jsonReporter, type Reporter } from './reporters.ts';

export interface RunOptions {
  /** How events are shown. @default the console for a terminal or with `LOG_FORMAT` unset, JSON lines with `LOG_FORMAT=json` */
  readonly reporter?: Reporter;
}

export const EXIT = { clean: 0, bootFailed: 1, escalated: 70, forced: 75 } as const;

/** Starts the app, stops it on SIGINT or SIGTERM, and ends the process with the exit code that says how it went. */
export async function runApp(app: App, options: RunOptions = {}): Promise<void> {
  const json = process.env['LOG_FORMAT'] === 'json';
  app.events.on(options.reporter ?? (json ? jsonReporter(process.stdout) : consoleReporter(process.stdout)));
  app.events.onListenerFault((error) => console.error('A reporter failed:', error));
  process.on('unhandledRejection', (error) => {
    app.events.emit({
      type: 'fault',
      component: 'unhandled rejection',
      correlation: null,
      error,
      at: systemClock.now(),
    });
  });
  app.events.on((event) => {
    if (event.type === 'escalated')
      void app.stop(`${event.service} is down for good`).then(() => process.exit(EXIT.escalated));
  });
  let signals = 0;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      signals += 1;
      if (signals > 1) process.exit(EXIT.forced);
      void app.stop(signal).then((report) => process.exit(report.hung.length > 0 ? EXIT.forced : EXIT.clean));
    });
  }
  try {
    await app.start();
  } catch {
    // The reporter has shown it; a boot that a signal cut short is ended by the signal's own handler.
    if (signals === 0) process.exit(EXIT.bootFailed);
  }
}
