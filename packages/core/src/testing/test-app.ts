/**
 * An app for tests: started, recorded, and stopped when the test's scope ends.
 */
import { type App, type AppOptions, createApp } from '../app.ts';
import type { RuntimeEvent } from '../runtime-event.ts';

/** Every runtime event of an app since the recording began. */
export interface RecordedEvents {
  readonly all: readonly RuntimeEvent[];
  /** The moves of one kind of machine as `subject:to`. */
  moves(machine: Extract<RuntimeEvent, { type: 'moved' }>['machine']): string[];
}

/** Starts recording; call it before `app.start()`. */
export function recordEvents(app: App): RecordedEvents {
  const all: RuntimeEvent[] = [];
  app.events.on((event) => all.push(event));
  return {
    all,
    moves: (machine) =>
      all.flatMap((event) =>
        event.type === 'moved' && event.machine === machine ? [`${event.subject}:${event.to}`] : [],
      ),
  };
}

/** Creates and starts an app; use it with `await using`, so that it is stopped whatever the test does. */
export async function startTestApp(options: AppOptions): Promise<App & { readonly recorded: RecordedEvents }> {
  const app = createApp(options);
  const recorded = recordEvents(app);
  await app.start();
  return Object.assign(app, { recorded });
}
