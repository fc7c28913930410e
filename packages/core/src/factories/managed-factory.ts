/**
 * One factory behind the gate, on its way from nothing to ready: construct, prepare, adopt.
 *
 * Each step is taken once, however many wait for it. Nobody is given the factory before the last of them has succeeded.
 */
import { type MusterError, StateMachine } from '@muster/contracts';
import { bounded, sleep } from '../clock.ts';
import type { Factory, PrepareContext } from '../declare/factory-contract.ts';
import { coreError } from '../errors.ts';
import type { Surroundings } from '../lifecycle/surroundings.ts';
import type { Preparation, Preparing } from '../state/preparation.ts';
import { reasonOf, redact } from '../redact.ts';
import { isThenable } from '../thenable.ts';
import { FACTORY, type FactoryState } from './factory-state.ts';

/** Pause after a renewal that failed, in milliseconds. */
const RENEW_AGAIN_MS = 1_000;

/** What a factory is made from. */
export interface FactoryParts {
  readonly id: string;
  /** What its decorator added. */
  readonly tag: unknown;
  readonly construct: () => object;
  /** What `configure()` gave it. */
  readonly config: unknown;
  /** Time for `prepare()`, and as much again for `adopt()`, in milliseconds. */
  readonly timeoutMs: number;
  /** Prepares it once for all instances; absent where each prepares its own. */
  readonly shared?: Pick<Preparation, 'after' | 'watch'>;
  /** Called when it has adopted what was made anew. */
  readonly renewed: () => void;
}

export class ManagedFactory {
  readonly id: string;
  readonly tag: unknown;
  readonly #parts: FactoryParts;
  readonly #around: Surroundings;
  readonly #stopped: AbortSignal;
  readonly #machine: StateMachine<typeof FACTORY>;
  #instance: object | undefined;
  #making: Promise<void> | undefined;
  #failure: MusterError | undefined;
  #progress: string | null = null;
  #tookMs: number | null = null;
  /** For which time it was prepared what it has adopted; 0 before. */
  #epoch = 0;
  /** The latest that is there or being made, as far as is known here. */
  #latest = 0;
  #renewing: Promise<void> | undefined;
  #isFollowing = false;

  constructor(parts: FactoryParts, around: Surroundings, stopped: AbortSignal) {
    this.id = parts.id;
    this.tag = parts.tag;
    this.#parts = parts;
    this.#around = around;
    this.#stopped = stopped;
    this.#machine = new StateMachine(`factory ${parts.id}`, FACTORY, 'absent', {
      moved: ({ from, event, to }) =>
        around.events.emit({
          type: 'moved',
          machine: 'factory',
          subject: this.id,
          from,
          event,
          to,
          at: around.clock.now(),
        }),
    });
  }

  get state(): FactoryState {
    return this.#machine.state;
  }

  /** Why it could not be made the last time. */
  get failure(): MusterError | undefined {
    return this.#failure;
  }

  /** The last thing that it said while it is being made. */
  get progress(): string | null {
    return this.state === 'absent' || this.state === 'ready' || this.state === 'failed' ? null : this.#progress;
  }

  /** How long it took to make it, in milliseconds; `null` before. */
  get tookMs(): number | null {
    return this.#tookMs;
  }

  /** The instance, once it is ready. */
  get instance(): object | undefined {
    return this.#isReady ? this.#instance : undefined;
  }

  /** How often what it has adopted was prepared, by all instances together; 0 before. */
  get epoch(): number {
    return this.#epoch;
  }

  get #isReady(): boolean {
    return this.state === 'ready' || this.state === 'renewing';
  }

  /**
   * Makes it; whoever comes while it is being made waits for the same verdict. Returns nothing when it is ready at once.
   *
   * @throws MusterError `FACTORY_FAILED`; the next call begins again.
   */
  make(): void | Promise<void> {
    if (this.#isReady) return undefined;
    if (this.#making !== undefined) return this.#making;
    this.#machine.send('claim');
    this.#failure = undefined;
    const startedAt = this.#around.clock.monotonic();
    let made: void | Promise<void>;
    try {
      made = this.#steps();
    } catch (error) {
      throw this.#failed(error);
    }
    if (!isThenable<void, Promise<void>>(made)) {
      this.#succeeded(startedAt);
      return undefined;
    }
    this.#making = made
      .then(
        () => this.#succeeded(startedAt),
        (error: unknown) => {
          throw this.#failed(error);
        },
      )
      .finally(() => {
        this.#making = undefined;
      });
    return this.#making;
  }

  /**
   * Has what it is made from prepared anew, for all instances that share it, and adopts that; meanwhile it serves with what
   * it has.
   *
   * @throws MusterError `FACTORY_NOT_READY`; `FACTORY_FAILED`: then it goes on with what it has, and where others share it all
   * of them try again.
   */
  renew(): Promise<void> {
    if (!this.#isReady) return Promise.reject(coreError('FACTORY_NOT_READY', { factory: this.id, state: this.state }));
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renew(): Promise<void> {
    this.#machine.send('renew');
    this.#failure = undefined;
    try {
      await this.#prepare(this.#instance as Factory);
    } catch (error) {
      throw this.#failed(error);
    }
    this.#machine.send('ok');
    this.#parts.renewed();
  }

  /** Comes after what others have made anew, for as long as it takes. */
  async #follow(): Promise<void> {
    if (this.#isFollowing) return;
    this.#isFollowing = true;
    while (this.#latest > this.#epoch && !this.#stopped.aborted) {
      try {
        await this.renew();
      } catch (error) {
        if (this.#stopped.aborted) break;
        const { clock, events } = this.#around;
        events.emit({ type: 'fault', component: `renewal of ${this.id}`, correlation: null, error, at: clock.now() });
        // Where the next one fails at once, as an adopt() may, it must not be tried without end.
        await sleep(clock, RENEW_AGAIN_MS, this.#stopped).catch(() => {});
      }
    }
    this.#isFollowing = false;
  }

  #steps(): void | Promise<void> {
    this.#instance ??= this.#parts.construct();
    const factory = this.#instance as Factory;
    if (factory.prepare === undefined && factory.adopt === undefined) return undefined;
    return this.#prepare(factory);
  }

  async #prepare(factory: Factory): Promise<void> {
    const { shared } = this.#parts;
    const work: Preparing = {
      signal: this.#stopped,
      prepare: (signal) => {
        if (this.state === 'awaiting') this.#machine.send('claim');
        return this.#within('prepare', (ctx) => factory.prepare?.(ctx), signal);
      },
      awaits: (what) => {
        this.#progress = what;
        if (this.state === 'initialising') this.#machine.send('wait');
      },
    };
    const { value, epoch } =
      shared === undefined
        ? { value: await work.prepare(this.#stopped), epoch: this.#epoch + 1 }
        : await shared.after(this.#epoch, work);
    if (this.state === 'awaiting') this.#machine.send('verdict');
    await this.#within('adopt', (ctx) => factory.adopt?.(value, ctx));
    this.#epoch = epoch;
  }

  #within<T>(
    method: string,
    work: (ctx: PrepareContext) => T | Promise<T>,
    outer: AbortSignal = this.#stopped,
  ): Promise<T> {
    const { clock } = this.#around;
    const { id, config, timeoutMs } = this.#parts;
    const said = (): string => (this.#progress === null ? '' : `; the last thing it said was "${this.#progress}"`);
    const onTimeout = (): Error => new Error(`${method}() did not end within ${timeoutMs} ms${said()}`);
    return bounded({ clock, timeoutMs, onTimeout, signal: outer }, (signal) =>
      work({
        signal,
        clock,
        config,
        progress: (text) => {
          if (signal.aborted) return;
          this.#progress = redact(text);
          this.#around.events.emit({ type: 'progress', service: id, text: this.#progress, at: clock.now() });
        },
      }),
    );
  }

  #succeeded(startedAt: number): void {
    this.#tookMs = this.#around.clock.monotonic() - startedAt;
    this.#machine.send('ok');
    if (this.#epoch > 0) this.#watch();
  }

  /** Hears of what others make anew. */
  #watch(): void {
    const watching = this.#parts.shared?.watch((epoch) => {
      this.#latest = Math.max(this.#latest, epoch);
      if (this.#latest > this.#epoch) void this.#follow();
    });
    if (watching !== undefined) this.#stopped.addEventListener('abort', () => watching.close(), { once: true });
  }

  #failed(error: unknown): MusterError {
    this.#machine.send('error');
    return (this.#failure = coreError('FACTORY_FAILED', { factory: this.id, reason: reasonOf(error) }, error));
  }
}
