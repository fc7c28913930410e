/**
 * What stands at the gate, as a port: the app tells it when to listen, drain and close, and hands it what it may see.
 */
import type { Dependency, Provided } from './declare/dependency.ts';
import type { Clock, Random } from './clock.ts';
import type { Interceptor } from './interceptor.ts';
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
  /** What the container has, once it is built; undefined where it has nothing of the kind. */
  find<D extends Dependency>(dependency: D): Provided<D> | undefined;
  /** Who stands around requests, where the app has one. */
  readonly interceptor: Interceptor | undefined;
  /** A gate of its own over one dependency and what that needs. */
  gateOver(name: string, dependency: Dependency): Door;
  /** The factories behind the gate, known from their declarations. */
  readonly declared: readonly { readonly name: string; readonly tag: unknown }[];
  /** What was resolved in `opening`; empty before. */
  factories(): readonly GatedFactory[];
}

/** What became of events, in numbers of them: appended = acknowledged + pending + expired, always. */
export interface DeliveryAccount {
  readonly appended: number;
  /** By any session of the user. */
  readonly acknowledged: number;
  readonly pending: number;
  /** No longer kept when nobody had acknowledged them. */
  readonly expired: number;
}

/** One connection as it is now. */
export interface ConnectionView {
  readonly id: string;
  /** A state of the CONNECTION table. */
  readonly state: string;
  /** When its upgrade was answered, in milliseconds since 1970. */
  readonly since: number;
  /** `null` until it is known. */
  readonly user: string | null;
  /** Events on their way or at the client, and not acknowledged. */
  readonly unacknowledged: number;
}

/** Events of a stream were handed to a socket, or processed by its client. */
export interface DeliveryMark {
  /** Grows from mark to mark. */
  readonly n: number;
  readonly kind: 'sent' | 'acknowledged';
  readonly connection: string;
  /** Offset of the first event; what is acknowledged is all that was sent before. */
  readonly from: number;
  /** Offset of the last event. */
  readonly to: number;
  /** In milliseconds since 1970. */
  readonly at: number;
}

/** What a server shows to whoever watches the app; looking costs nothing but the look. */
export interface ServerView {
  readonly users: number;
  /** In the order in which they came. */
  readonly connections: Iterable<ConnectionView>;
  /** Of all streams that somebody follows now, as far as this process has seen. */
  readonly delivery: DeliveryAccount;
  /** The latest marks of a stream behind the `n` of one, the oldest first; older ones are forgotten. */
  marksOf(stream: string, after: number): readonly DeliveryMark[];
}

/** A server that an app opens and closes. */
export interface AppServer {
  /** Its name in the graph. */
  readonly name: string;
  readonly dependsOn: readonly Dependency[];
  /** True when the port is bound at the start of the boot and early clients are held. */
  readonly listensAtOnce: boolean;
  /**
   * What its clients may do, in numbers by name; they stand in the dump.
   *
   * @param holdMs how long the gate holds clients, in milliseconds.
   */
  limits?(holdMs: number): Readonly<Record<string, number>>;
  /** Called where somebody watches the app, before `attach`. */
  watch?(): ServerView;
  /** Called once, before anything starts. */
  attach(host: ServerHost): void;
  /** Called in `opening`, when the factories exist. @throws MusterError when one of them does not fit, which closes the gate. */
  opening(): void;
  /** What factories were made from is new: whoever is connected should come again, one after the other. */
  renewed?(): void;
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
