/**
 * Those who want to be told something. One that throws does not keep the others from being told.
 */
import type { MusterError } from '@muster/contracts';
import { clientError } from './errors.ts';

export class Listeners<T> {
  readonly #all = new Set<(value: T) => void>();
  readonly #failed: (error: MusterError) => void;

  /** @param failed told what a listener threw. */
  constructor(failed: (error: MusterError) => void) {
    this.#failed = failed;
  }

  /** @returns what removes the listener again. */
  add(listener: (value: T) => void): () => void {
    this.#all.add(listener);
    return () => this.#all.delete(listener);
  }

  tell(value: T): void {
    for (const listener of this.#all) {
      try {
        listener(value);
      } catch (cause) {
        this.#failed(clientError('LISTENER_FAILED', {}, cause));
      }
    }
  }
}
