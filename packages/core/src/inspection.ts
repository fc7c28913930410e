/** An app's side of its inspector: when it begins and goes, and that nothing which goes wrong there hurts the app. */
import type { AppInspector, InspectedApp } from './app-inspector.ts';

export class Inspection {
  readonly #inspector: AppInspector;
  readonly #app: InspectedApp;

  constructor(inspector: AppInspector, app: InspectedApp) {
    this.#inspector = inspector;
    this.#app = app;
    inspector.attach(app);
  }

  /** The boot does not wait for it, and goes on without it. */
  begin(): void {
    const { events, clock } = this.#app;
    this.#inspector.begin().then(
      (address) => events.emit({ type: 'inspecting', address, at: clock.now() }),
      (error: unknown) => this.#faulty(error),
    );
  }

  /** Resolves when nobody wants to look at a boot that has failed any more. Never rejects. */
  async failed(): Promise<void> {
    await this.#inspector.failed().catch((error: unknown) => this.#faulty(error));
  }

  /** Never rejects. */
  async close(): Promise<void> {
    await this.#inspector.close().catch((error: unknown) => this.#faulty(error));
  }

  #faulty(error: unknown): void {
    const { events, clock } = this.#app;
    events.emit({ type: 'fault', component: 'inspector', correlation: null, error, at: clock.now() });
  }
}
