/**
 * A span that the tracer makes when it is first asked for something, with the time at which it began.
 *
 * A busy app begins things amid all else that it does, where the making of a span costs several times what it costs among others.
 */
import type { Span } from '@opentelemetry/api';

export class LateSpan implements Span {
  #make: (() => Span) | undefined;
  #made: Span | undefined;

  /** @param make is called once. */
  constructor(make: () => Span) {
    this.#make = make;
  }

  /** The span of the tracer, made by now. */
  get made(): Span {
    if (this.#made === undefined) {
      this.#made = (this.#make as () => Span)();
      this.#make = undefined;
    }
    return this.#made;
  }

  spanContext(): ReturnType<Span['spanContext']> {
    return this.made.spanContext();
  }

  isRecording(): boolean {
    return this.made.isRecording();
  }

  end(...args: Parameters<Span['end']>): void {
    this.made.end(...args);
  }

  setAttribute(...args: Parameters<Span['setAttribute']>): this {
    this.made.setAttribute(...args);
    return this;
  }

  setAttributes(...args: Parameters<Span['setAttributes']>): this {
    this.made.setAttributes(...args);
    return this;
  }

  setStatus(...args: Parameters<Span['setStatus']>): this {
    this.made.setStatus(...args);
    return this;
  }

  updateName(...args: Parameters<Span['updateName']>): this {
    this.made.updateName(...args);
    return this;
  }

  addEvent(...args: Parameters<Span['addEvent']>): this {
    this.made.addEvent(...args);
    return this;
  }

  addLink(...args: Parameters<Span['addLink']>): this {
    this.made.addLink(...args);
    return this;
  }

  addLinks(...args: Parameters<Span['addLinks']>): this {
    this.made.addLinks(...args);
    return this;
  }

  recordException(...args: Parameters<Span['recordException']>): void {
    this.made.recordException(...args);
  }
}
