/** A running app with scopes, and classes that note when they are made and disposed of. */
import { type AppOptions, createApp, principalOf, type RuntimeEvent, Scopes, service } from '@muster/core';
import { FakeClock } from '@muster/core/testing';

export const ann = principalOf('ann');
export const bob = principalOf('bob');

@service({ dependsOn: [Scopes] })
class Opener {
  constructor(readonly scopes: Scopes) {}
}

/** A running app with what a test needs of it. */
export async function running(services: AppOptions['services'], options: AppOptions = {}) {
  const clock = new FakeClock();
  const app = createApp({ clock, ...options, services: [Opener, ...(services ?? [])] });
  const faults: (RuntimeEvent & { type: 'fault' })[] = [];
  app.events.on((event) => {
    if (event.type === 'fault') faults.push(event);
  });
  await app.start();
  const { scopes } = app.get(Opener);
  const permit = await app.gate.enter();
  let runs = 0;
  return {
    app,
    clock,
    faults,
    scopes,
    permit,
    run: (principal = ann, signal = new AbortController().signal) => {
      runs += 1;
      return scopes.open('run', { permit, principal, signal, run: { run: `r${runs}`, thread: 't' } });
    },
    connection: (principal = ann) =>
      scopes.open('connection', { permit, principal, signal: new AbortController().signal }),
  };
}

/** Classes that note in `journal` when they are made and disposed of. */
export function noting(journal: string[]) {
  return class {
    constructor(..._: unknown[]) {
      journal.push(`+${this.constructor.name}`);
    }
    dispose(): void {
      journal.push(`-${this.constructor.name}`);
    }
  };
}
