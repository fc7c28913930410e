/**
 * What stands at the gate, as a port: the app tells it when to listen, drain and close, and hands it what it may see.
 */
import type { Dependency, Provided } from './declare/dependency.ts';
import type { Clock, Random } from './clock.ts';
import type { Door } from './lifecycle/gate.ts';
import type { RuntimeEvents } from './runtime-event.ts';
import type { AppState } from './runtime.ts';
import type { GraphView } from './graph-view.ts';

/** One factory behind the gate. */
export interface GatedFactory {
  readonly name: string;
  /** What its decorator added, its path for instance. */
  readonly tag: unknown;
  readonly instance: object;
}

/** What an app shows to its server. */
export interface ServerHost {
  readonly gate: Door;
  readonly clock: Clock;
  readonly random: Random;
  readonly events: RuntimeEvents;
  readonly state: () => AppState;
  graph(): GraphView;
  /** One of the server's own `dependsOn`. */
  get<D extends Dependency>(dependency: D): Provided<D>;
  /** A gate of its own over one dependency and what that needs. */
  gateOver(name: string, dependency: Dependency): Door;
  /** The factories behind the gate, known from their declarations. */
  readonly declared: readonly { readonly name: string; readonly tag: unknown }[];
  /** What was resolved in `opening`; empty before. */
  factories(): readonly GatedFactory[];
}

/** A server that an app opens and closes. */
export interface AppServer {
  /** Its name in the graph. */
  readonly name: string;
  readonly dependsOn: readonly Dependency[];
  /** True when the port is bound at the start of the boot and early clients are held. */
  readonly listensAtOnce: boolean;
  /** Called once, before anything starts. */
  attach(host: ServerHost): void;
  /** Called in `opening`, when the factories exist. @throws MusterError when one of them does not fit, which closes the gate. */
  opening(): void;
  /** Binds the port and resolves to the address, as a URL. */
  listen(): Promise<string>;
  /**
   * Tells every client to go, and resolves when all have gone or `withinMs` is over.
   *
   * @param quiet resolves when the services have finished what was under way: nothing new will be sent after it.
   */
  drain(withinMs: number, quiet: Promise<void>): Promise<void>;
  /** Closes what is left; resolves when the port is free. */
  close(): Promise<void>;
}
