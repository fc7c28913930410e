/** The gates of an app: how each stands, since when, and how often it has closed. */
import type { RuntimeEvent } from '@muster/core';
import type { GateLine } from './overview.ts';

/** The gate that the dump tells of. */
const MAIN = 'main';

interface Known {
  state: string;
  since: number;
  causes: readonly string[];
  closings: number;
}

export class Gates {
  readonly #gates = new Map<string, Known>();

  take(event: RuntimeEvent): void {
    if (event.type === 'gate-closed') {
      const known = this.#gates.get(event.gate);
      if (known === undefined) return;
      known.causes = event.causes;
      known.closings += 1;
    } else if (event.type === 'moved' && event.machine === 'gate') {
      const { causes = [], closings = 0 } = this.#gates.get(event.subject) ?? {};
      const state = event.to;
      this.#gates.set(event.subject, { state, since: event.at, causes: state === 'open' ? [] : causes, closings });
    }
  }

  /** @param main the main gate as the dump has it: what blocks it now, and not only what has closed it. */
  lines(main: { readonly state: string; readonly blockedBy: readonly string[] }): readonly GateLine[] {
    const { since = null, closings = 0, causes = [] } = this.#gates.get(MAIN) ?? {};
    // While it waits for its dwell to be over nothing blocks it any more: what has closed it is still why.
    const blockedBy = main.state === 'closed' && main.blockedBy.length === 0 ? causes : main.blockedBy;
    const others = [...this.#gates].filter(([name]) => name !== MAIN);
    return [
      { name: MAIN, state: main.state, since, blockedBy, closings },
      ...others.map(([name, known]) => ({
        name,
        state: known.state,
        since: known.since,
        blockedBy: known.causes,
        closings: known.closings,
      })),
    ];
  }
}
