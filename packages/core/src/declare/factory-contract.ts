/**
 * The contract between a factory and the gate: what it may prepare before anybody is served, and who gets it afterwards.
 */
import type { Clock } from '@muster/contracts';
import type { Permit } from '../lifecycle/gate.ts';

/** What `prepare()` and `adopt()` are given. */
export interface PrepareContext<Config = unknown> {
  /** Aborted when the time is over or the app is stopping. */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** What `configure(factory, config)` gave; `undefined` where nobody did. */
  readonly config: Config;
  /** Says how far it has come; shown live at boot and in the dump. */
  progress(text: string): void;
}

/**
 * What a class behind the gate may have beside its own methods. Both are called while the gate is opening, after those of
 * the factories that it depends on, and once: a gate that closes and opens again finds the factory as it was. `app.renew()`
 * calls both again on the factory that serves.
 */
export interface Factory<Shared = any, Config = any> {
  /**
   * Makes what all that use the factory share: JSON that could as well have been made by another instance of the app, and on
   * a shared store is, if that one has configured the factory alike.
   * A throw keeps the gate closed; at boot it fails the boot, later it is tried again.
   */
  prepare?(ctx: PrepareContext<Config>): Shared | Promise<Shared>;
  /** Takes in what was prepared. Nobody is given the factory before this has ended. */
  adopt?(shared: Shared, ctx: PrepareContext<Config>): void | Promise<void>;
}

/** Stands for a factory where something in front of the gate needs it: only a permit gets it out. */
export interface Gated<T> {
  /**
   * @throws MusterError `PERMIT_DEAD` when the gate has closed since the permit was issued.
   * @throws MusterError `FACTORY_NOT_READY` while it is being made.
   */
  get(permit: Permit): T;
}
