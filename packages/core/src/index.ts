/** Declare, start, watch, gate and stop services. */
export { App, createApp } from './app.ts';
export type { AppOptions } from './app-options.ts';
export type { AppInspector, InspectedApp } from './app-inspector.ts';
export type {
  AppServer,
  ConnectionView,
  DeliveryAccount,
  DeliveryMark,
  GatedFactory,
  ServerHost,
  ServerView,
} from './app-server.ts';
export { bounded, Clock, isoTime, Random, sleep, systemClock, systemRandom } from './clock.ts';
export { callSite, declareClass, type Declaration, type Declaring } from './declare/declaration.ts';
export {
  type Class,
  type Dependency,
  type DependencyEntry,
  type DependencyTerms,
  gated,
  optional,
  type Provided,
  type Ref,
  type Token,
  token,
} from './declare/dependency.ts';
export type { Fits, Mismatch } from './declare/fits.ts';
export { declareFactory, factory, type FactoryOptions } from './declare/factory.ts';
export type { Factory, Gated, PrepareContext } from './declare/factory-contract.ts';
export { configure, onReady, provide, provideValue, type Registration } from './declare/registration.ts';
export type { ScopeKind } from './declare/scope-kind.ts';
export { type Given, type ScopeValue, scopeValue, withValue } from './declare/scope-value.ts';
export { scoped } from './declare/scoped.ts';
export { service, task } from './declare/service.ts';
export type {
  CheckContext,
  HookContext,
  ProbeContext,
  RunContext,
  Service,
  ServiceOptions,
  StartContext,
  StopContext,
  Task,
  TaskOptions,
} from './declare/service-contract.ts';
export { CORE_ERRORS } from './errors.ts';
export { mergeGraphs } from './graph/merge.ts';
export { GraphView } from './graph-view.ts';
export { type InterceptedRequest, type InterceptedTool, Interceptor } from './interceptor.ts';
export { BootstrapError } from './lifecycle/bootstrap-error.ts';
export type { Door, GateOptions, Permit } from './lifecycle/gate.ts';
export { degraded, type Health, healthy, unhealthy } from './lifecycle/health.ts';
export { HealthMonitor } from './lifecycle/health-monitor.ts';
export {
  type Appended,
  type Batch,
  EventLog,
  type EventsJson,
  type Expected,
  type Gathering,
  type ReadResult,
  type Since,
} from './log/event-log.ts';
export { MemoryLog, type MemoryLogOptions } from './log/memory-log.ts';
export { isProbe, keyPart, type Principal, principalOf, streamOf } from './principal.ts';
export { type ProbeVerdict, probeVerdict } from './probe-verdict.ts';
export { reasonOf, redact } from './redact.ts';
export type { LiveBootOptions } from './live-boot.ts';
export { consoleReporter, eventLines, jsonReporter, type Output, type Reporter } from './reporters.ts';
export { runApp } from './run-app.ts';
export { Runtime } from './runtime.ts';
export { type RuntimeEvent, RuntimeEvents } from './runtime-event.ts';
export { CurrentPrincipal, CurrentRun, CurrentSignal } from './scopes/current.ts';
export type { ScopedClass } from './scopes/layout.ts';
export type { ScopeOptions } from './scopes/scope-manager.ts';
export { type Opening, type Scope, Scopes } from './scopes/scopes.ts';
export {
  type Json,
  type KeyValueChange,
  type KeyValueEntry,
  KeyValueStore,
  type Written,
} from './state/key-value-store.ts';
export type { ClusterOptions } from './state/contract.ts';
export { type Instance, InstanceFacts, Instances } from './state/instances.ts';
export { type Fields, fieldsOf, LEASE, Lease, type LeaseLoss, type Owned, ownerOf } from './state/lease.ts';
export { Leases } from './state/leases.ts';
export { type Observed, ObservedRecords } from './state/observed-records.ts';
export { type RemoteService, remote } from './state/remote.ts';
export { MemoryStore } from './state/memory-store.ts';
export type { Subscription } from './subscription.ts';
