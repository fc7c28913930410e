/**
 * The text of the events of one run, of few pieces: most of it is the same in every event, and the rest in every event of a
 * name or of a millisecond. Each piece costs an object, and there are thousands of events in a tick.
 */
import { Buffer } from 'node:buffer';
import type { AgentEventName } from '@muster/contracts';

export class EventText {
  readonly #id: string;
  readonly #run: string;
  readonly #agent: string;
  /** Of the latest event. */
  #name: AgentEventName | undefined;
  #named = '';
  #at: number | undefined;
  #dated = '';

  constructor(run: string, agent: string) {
    this.#id = onePiece(`{"id":${JSON.stringify(run).slice(0, -1)}:`);
    this.#run = `","run":${JSON.stringify(run)},"n":`;
    this.#agent = onePiece(`,"agent":${JSON.stringify(agent)},"at":`);
  }

  /** One event, and a comma. */
  of(name: AgentEventName, n: number, at: number, data: string): string {
    if (name !== this.#name) {
      this.#name = name;
      this.#named = onePiece(`","event":"${name}${this.#run}`);
    }
    if (at !== this.#at) {
      this.#at = at;
      this.#dated = `${this.#agent}${at},"data":`;
    }
    const number = `${n}`;
    return `${this.#id}${number}${this.#named}${number}${this.#dated}${data}},`;
  }
}

/** The same text as V8 keeps one that was never put together. It is JSON, which has no halves of surrogate pairs. */
function onePiece(text: string): string {
  return Buffer.from(text).toString();
}
