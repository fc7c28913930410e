/**
 * Keeps a process from writing a run that is not its own any more: closed once, and never open again.
 */
import type { MusterError } from '@muster/contracts';
import { agentError } from '../errors.ts';

export class Fence {
  readonly #run: string;
  #isHeld: () => boolean = () => true;
  #closed: ((error: MusterError) => void) | undefined;
  #error: MusterError | undefined;

  constructor(run: string) {
    this.#run = run;
  }

  /**
   * @param isHeld whether the run is this process's; asked before every event.
   * @param closed told once that it is not.
   */
  guard(isHeld: () => boolean, closed: (error: MusterError) => void): void {
    this.#isHeld = isHeld;
    this.#closed = closed;
  }

  /** `RUN_FENCED` when nothing may be written at this moment, and from then on. */
  get error(): MusterError | undefined {
    if (this.#error === undefined && !this.#isHeld()) this.close();
    return this.#error;
  }

  close(): MusterError {
    this.#error ??= agentError('RUN_FENCED', { run: this.#run });
    const closed = this.#closed;
    this.#closed = undefined;
    closed?.(this.#error);
    return this.#error;
  }
}
