/** The latest runs of this process, from their first event to their terminal. */
import type { RuntimeEvent } from '@muster/core';
import type { RunLine, ToolLine } from './overview.ts';

/** How many runs are kept, of those that have ended; what goes on is kept as long as it goes on. */
const KEPT = 200;
/** How many tool calls are kept of one run. */
const TOOLS = 100;

/** Where the events of a run are. */
export interface RunAt {
  readonly run: string;
  /** As the log knows it. */
  readonly stream: string;
  /** Of its first event; `null` where another process has begun it. */
  readonly offset: number | null;
}

/** The same, and how it stands. */
export interface KnownRun extends RunAt {
  line: RunLine;
}

export class Runs {
  /** In the order in which they began. */
  readonly #runs = new Map<string, KnownRun>();
  readonly #changed = new Set<string>();
  #open = 0;

  /** How many have no terminal yet. */
  get open(): number {
    return this.#open;
  }

  find(run: string): KnownRun | undefined {
    return this.#runs.get(run);
  }

  /** In the order in which they began. */
  get known(): readonly KnownRun[] {
    return [...this.#runs.values()];
  }

  /** The newest first. */
  get lines(): readonly RunLine[] {
    return [...this.#runs.values()].reverse().map(({ line }) => line);
  }

  /** Those of which something is new, once. */
  takeChanged(): readonly RunLine[] {
    const changed = [...this.#changed].flatMap((run) => this.#runs.get(run)?.line ?? []);
    this.#changed.clear();
    return changed;
  }

  take(event: RuntimeEvent): void {
    switch (event.type) {
      case 'run-begun':
        this.#begun(event);
        return;
      case 'tool-ended': {
        const { callId, tool: name, status, durationMs } = event;
        this.#change(event.run, ({ tools }) => ({ tools: added(tools, { callId, name, status, durationMs }) }));
        return;
      }
      case 'run-ended':
        this.#ended(event);
        return;
      case 'run-left':
        if (this.#runs.get(event.run)?.line.state === 'running') this.#open -= 1;
        this.#change(event.run, () => ({ state: 'completed', status: 'left' }));
        return;
      default:
      // Nothing else concerns it.
    }
  }

  #begun({ run, agent, user, thread, parent, at, stream, offset }: Extract<RuntimeEvent, { type: 'run-begun' }>): void {
    const line: RunLine = {
      run,
      agent,
      user,
      thread,
      parent,
      at,
      state: 'running',
      status: null,
      code: null,
      events: 0,
      durationMs: null,
      tools: [],
    };
    if (this.#runs.get(run)?.line.state !== 'running') this.#open += 1;
    this.#runs.set(run, { run, stream, offset, line });
    this.#changed.add(run);
    if (this.#runs.size > KEPT + this.#open) this.#forget();
  }

  #ended({ run, status, code, events, durationMs }: Extract<RuntimeEvent, { type: 'run-ended' }>): void {
    if (this.#runs.get(run)?.line.state === 'running') this.#open -= 1;
    this.#change(run, () => ({ state: 'completed', status, code, events, durationMs }));
  }

  #change(run: string, change: (line: RunLine) => Partial<RunLine>): void {
    const known = this.#runs.get(run);
    if (known === undefined) return;
    known.line = { ...known.line, ...change(known.line) };
    this.#changed.add(run);
  }

  /** The oldest that has ended. */
  #forget(): void {
    for (const [run, { line }] of this.#runs) {
      if (line.state === 'running') continue;
      this.#runs.delete(run);
      return;
    }
  }
}

function added(tools: readonly ToolLine[], tool: ToolLine): readonly ToolLine[] {
  return tools.length < TOOLS ? [...tools, tool] : tools;
}
