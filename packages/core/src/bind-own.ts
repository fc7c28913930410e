/** What an app gives its services, and what it was given: the built-in ports are taken where nobody provides another. */
import type { Container } from 'inversify';
import type { AppOptions } from './app-options.ts';
import { Clock, Random, systemRandom } from './clock.ts';
import { bindBuiltIns, bindServices } from './container/bind-services.ts';
import { provideValue } from './declare/registration.ts';
import { EventLog } from './log/event-log.ts';
import { MemoryLog } from './log/memory-log.ts';
import { Runtime } from './runtime.ts';
import { RuntimeEvents } from './runtime-event.ts';
import { Scopes } from './scopes/scopes.ts';
import { ClusterCompatibility } from './state/compatibility.ts';
import { ClusterContract } from './state/contract.ts';
import { Instances } from './state/instances.ts';
import { KeyValueStore } from './state/key-value-store.ts';
import { MemoryStore } from './state/memory-store.ts';

/** The app as its services see it. */
type Own = Runtime & { readonly events: RuntimeEvents };

export function bindOwn(container: Container, app: Own, clock: Clock, scopes: Scopes, options: AppOptions): void {
  const { random = systemRandom, services = [], cluster } = options;
  bindServices(container, services);
  if (cluster !== undefined) {
    bindServices(container, [provideValue(ClusterContract, cluster), ClusterCompatibility]);
    if (!container.isBound(Instances)) bindServices(container, [Instances]);
  }
  const faulty =
    (component: string) =>
    (error: unknown): void =>
      app.events.emit({ type: 'fault', component, correlation: null, error, at: clock.now() });
  bindBuiltIns(container, [
    [Clock, () => clock],
    [Random, () => random],
    [RuntimeEvents, () => app.events],
    [Scopes, () => scopes],
    [EventLog, () => new MemoryLog(clock, random, faulty('event log subscriber'))],
    [KeyValueStore, () => new MemoryStore(faulty('key-value store watcher'))],
    [
      Runtime,
      () => ({
        get state() {
          return app.state;
        },
        get gate() {
          return app.gate;
        },
        graph: () => app.graph(),
      }),
    ],
  ]);
}
