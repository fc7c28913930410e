/**
 * An app for tests: with services replaced and faults at named points, started, recorded, and stopped when the test's scope ends.
 */
import { Container } from 'inversify';
import { type App, createApp } from '../app.ts';
import type { AppOptions } from '../app-options.ts';
import { systemClock } from '../clock.ts';
import { bindingsOf } from '../container/bindings.ts';
import { type Class, type Dependency, nameOf, type Provided } from '../declare/dependency.ts';
import type { Registration } from '../declare/registration.ts';
import { coreError } from '../errors.ts';
import { type Faults, pointsOf } from './faults.ts';
import { RecordedEvents } from './recorded-events.ts';

/** One service of an app and what stands for it in a test. */
export interface Replacement {
  readonly of: Dependency;
  readonly by: { readonly class: Class } | { readonly value: unknown };
}

/** Replaces what provides `dependency` by another class, which has its own lifecycle, or by a value, which has none. */
export function replace<D extends Dependency>(
  dependency: D,
  by: Class<Provided<D> & object> | (Provided<D> & object),
): Replacement {
  return { of: dependency, by: typeof by === 'function' ? { class: by as Class } : { value: by } };
}

export interface TestAppOptions extends AppOptions {
  readonly replace?: readonly Replacement[];
  readonly faults?: Faults;
}

/** Starts recording; call it before `app.start()`. */
export function recordEvents(app: App): RecordedEvents {
  return new RecordedEvents(app);
}

/** An app and what is recorded of it. */
export type TestApp = App & { readonly recorded: RecordedEvents };

/**
 * Creates an app without starting it, for tests of boots that fail.
 *
 * @throws MusterError `NODE_UNKNOWN` when something to be replaced is not there, or a point of `faults` does not exist.
 */
export function createTestApp(options: TestAppOptions): TestApp {
  const { replace: replacements = [], faults, ...rest } = options;
  const container = options.container ?? new Container({ defaultScope: 'Singleton' });
  const services = replacements.reduce(withReplacement, options.services ?? []);
  const app = createApp({ ...rest, services, container });
  if (faults !== undefined) instrument(container, faults, options);
  return Object.assign(app, { recorded: recordEvents(app) });
}

/** Creates and starts an app; use it with `await using`, so that it is stopped whatever the test does. */
export async function startTestApp(options: TestAppOptions): Promise<TestApp> {
  const app = createTestApp(options);
  await app.start();
  return app;
}

function withReplacement(
  services: readonly (Class | Registration)[],
  { of, by }: Replacement,
): readonly (Class | Registration)[] {
  const isOf = (entry: Class | Registration): boolean =>
    entry === of || (typeof entry === 'object' && 'provides' in entry && entry.provides === of);
  if (!services.some(isOf)) throw coreError('NODE_UNKNOWN', { name: nameOf(of), near: [] });
  return [...services.filter((entry) => !isOf(entry)), { provides: of, by }];
}

function instrument(container: Container, faults: Faults, { clock = systemClock }: TestAppOptions): void {
  const points: string[] = [];
  for (const binding of bindingsOf(container)) {
    if (binding.type !== 'Instance') continue;
    const target = binding.implementationType as Class;
    const id = nameOf(target);
    points.push(...pointsOf(id, target));
    container.onActivation(binding.serviceIdentifier, (_, instance) => {
      faults.instrument(id, instance as object, clock);
      return instance;
    });
  }
  faults.know(points);
}
