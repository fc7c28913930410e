/**
 * Who watches an app from outside, as a port: the app tells it when to begin and to close, and hands it what may be seen.
 *
 * It is there before anything is validated and goes last, so that a boot that hangs or fails can be looked at as well. Nothing
 * that goes wrong in it touches the app: it is told as a `fault`.
 */
import type { Clock } from './clock.ts';
import type { Dependency, Provided } from './declare/dependency.ts';
import type { ServerView } from './app-server.ts';
import type { GraphView } from './graph-view.ts';
import type { GateState } from './lifecycle/gate-state.ts';
import type { RuntimeEvents } from './runtime-event.ts';
import type { AppState } from './runtime.ts';

/** What an app shows of itself. */
export interface InspectedApp {
  readonly clock: Clock;
  readonly events: RuntimeEvents;
  state(): AppState;
  /** State of the main gate; costs nothing. */
  gate(): GateState;
  graph(): GraphView;
  /** What the server shows; undefined where the app has none, or one that shows nothing. */
  readonly server: ServerView | undefined;
  /** Why the app is as it is, as text; what `App.explain` gives. */
  explain(name: string): string;
  /** What the container has, once it is built; undefined where it has nothing of the kind. */
  find<D extends Dependency>(dependency: D): Provided<D> | undefined;
}

/** An inspector that an app opens and closes; `inspector()` of `@muster/inspect` makes one. */
export interface AppInspector {
  /** Called once, when the app is made. */
  attach(app: InspectedApp): void;
  /** Called when the boot begins, which does not wait for it. Resolves to the address, as a URL. */
  begin(): Promise<string>;
  /** Called when the boot has failed and is over: it ends for good when this resolves, or when the app is told to stop. */
  failed(): Promise<void>;
  /** Called last. Resolves when nothing of it is left. */
  close(): Promise<void>;
}
