/**
 * Puts an app's services into its container; the graph is then read from the bindings and from nothing else.
 */
import type { Container } from 'inversify';
import type { Class, Dependency } from '../declare/dependency.ts';
import type { Registration } from '../declare/registration.ts';

/** Binds every entry as a singleton; one that is registered twice is bound twice, which the graph reports. */
export function bindServices(container: Container, services: readonly (Class | Registration)[]): void {
  for (const entry of services) {
    if (typeof entry === 'function') {
      container.bind(entry).toSelf().inSingletonScope();
    } else if ('ready' in entry || 'configures' in entry) {
      // Neither provides anything.
      continue;
    } else if ('value' in entry.by) {
      container.bind(entry.provides as Class).toConstantValue(entry.by.value as object);
    } else {
      container.bind(entry.by.class).toSelf().inSingletonScope();
      container.bind(entry.provides as Class).toService(entry.by.class);
    }
  }
}

/** Binds what Muster itself provides, each where the application has not bound another. */
export function bindBuiltIns(container: Container, builtIns: readonly (readonly [Dependency, () => unknown])[]): void {
  for (const [dependency, make] of builtIns) {
    if (!container.isBound(dependency)) container.bind(dependency as Class).toConstantValue(make() as object);
  }
}
