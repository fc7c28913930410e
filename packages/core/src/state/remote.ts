/**
 * `remote(Token)`: depends on a service that other instances offer.
 *
 * What is injected says which instances offer it, and calls nothing. It is a node of the graph: it is well while the service
 * is ready on some living instance, this one included, so a gate closes when nobody offers it any more.
 */
import { callSite, declarationOf, declareClass } from '../declare/declaration.ts';
import { type Class, type Dependency, nameOf } from '../declare/dependency.ts';
import type { Service, StartContext } from '../declare/service-contract.ts';
import { type Instance, Instances } from './instances.ts';

/** What is known of a service that runs elsewhere. */
export interface RemoteService {
  /** Those on which it is ready, this one first if it is among them. */
  instances(): readonly Instance[];
  /** Whether there is one. */
  anyHealthy(): boolean;
}

/** Marks the classes that `remote` makes. */
const REMOTE = Symbol('remote');

const made = new WeakMap<Dependency, Class<RemoteService>>();

/**
 * A dependency on whoever offers `dependency` under its name: another app may have a class or a token of its own for it.
 *
 * It is required like any other: nothing that needs it starts before some instance offers it. Instances that need each
 * other say `optional(remote(Token))`, or none of them could be the first.
 */
export function remote(dependency: Dependency): Class<RemoteService> {
  const known = made.get(dependency);
  if (known !== undefined) return known;
  const name = nameOf(dependency);
  const declaredAt = callSite(remote);
  const Remote = class extends Offer {
    constructor(instances: Instances) {
      super(name, instances);
    }
  };
  Object.defineProperty(Remote, 'name', { value: `remote(${name})` });
  const options = { tags: ['remote'], health: { awaited: false } };
  declareClass(Remote, { kind: 'service', options, tag: REMOTE }, [Instances], declaredAt);
  made.set(dependency, Remote);
  return Remote;
}

/** True for a class that `remote` has made: nobody has to register it. */
export function isRemote(key: unknown): key is Class<RemoteService> {
  return typeof key === 'function' && declarationOf(key as Class)?.tag === REMOTE;
}

class Offer implements RemoteService, Service {
  readonly #name: string;
  readonly #instances: Instances;
  #end: (() => void) | undefined;

  constructor(name: string, instances: Instances) {
    this.#name = name;
    this.#instances = instances;
  }

  start(ctx: StartContext): void {
    this.#end?.();
    let was: boolean | undefined;
    const look = (): void => {
      const is = this.anyHealthy();
      if (is === was) return;
      was = is;
      ctx.report(is ? { status: 'healthy' } : { status: 'unhealthy', reason: `no instance offers ${this.#name}` });
    };
    this.#end = this.#instances.onChange(look);
    look();
  }

  stop(): void {
    this.#end?.();
    this.#end = undefined;
  }

  instances(): readonly Instance[] {
    return this.#instances.list().filter(({ offers }) => offers.includes(this.#name));
  }

  anyHealthy(): boolean {
    return this.instances().length > 0;
  }
}
