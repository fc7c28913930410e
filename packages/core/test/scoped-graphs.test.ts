import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Class, createApp, CurrentPrincipal, CurrentRun, optional, type Ref, scoped, service } from '@muster/core';
import { running } from './scope-harness.ts';

function problemsOf(...services: Class[]): string[] {
  return createApp({ services })
    .graph()
    .toJSON()
    .problems.map(({ code, message }) => `${code}: ${message.replaceAll(/ \([^)]*\)/g, '')}`);
}

describe('a graph with scoped classes', () => {
  it('refuses what lives longer than what it holds, and what does not lie in the same scope, all at once', () => {
    @scoped('run')
    class Work {}
    @scoped('connection')
    class Socket {}
    @service({ dependsOn: [Work] })
    class Holder {
      constructor(readonly work: Work) {}
    }
    @scoped('user', { dependsOn: [Socket] })
    class Profile {
      constructor(readonly socket: Socket) {}
    }
    @scoped('run', { dependsOn: [Socket] })
    class Talker {
      constructor(readonly socket: Socket) {}
    }
    @scoped('connection', { dependsOn: [Work] })
    class Waiter {
      constructor(readonly work: Work) {}
    }
    @service({ dependsOn: [CurrentPrincipal] })
    class Nosy {
      constructor(readonly principal: CurrentPrincipal) {}
    }
    @scoped('run', { dependsOn: [optional(Work)] })
    class Hoping {
      constructor(readonly work: Ref<Work>) {}
    }
    // @ts-expect-error a connection has no value of CurrentRun
    @scoped('connection', { dependsOn: [CurrentRun] })
    class Confused {
      constructor(readonly run: CurrentRun) {}
    }
    expect(problemsOf(Work, Socket, Holder, Profile, Talker, Waiter, Nosy, Hoping, Confused)).toEqual([
      'CAPTIVE: Holder holds Work, of which there is one per run; it would keep the first one for ever.',
      'CAPTIVE: Profile lives as long as its user and holds Socket, of which there is one per connection; it would keep the first one for ever.',
      'OUT_OF_SCOPE: Confused is scoped to a connection and needs CurrentRun, which has a value in scopes of kind run only.',
      'OUT_OF_SCOPE: Hoping wants Work as optional or after it, and what is scoped has no life that could be waited for or lost.',
      'OUT_OF_SCOPE: Nosy is not scoped and needs CurrentPrincipal, which has a value in scopes of kind user, run, connection only.',
      'OUT_OF_SCOPE: Talker is scoped to a run and needs Socket, which is scoped to a connection; neither lies inside the other.',
      'OUT_OF_SCOPE: Waiter is scoped to a connection and needs Work, which is scoped to a run; neither lies inside the other.',
    ]);
  });

  it('names both sites of a captive scope', () => {
    @scoped('run')
    class Work {}
    @service({ dependsOn: [Work] })
    class Holder {
      constructor(readonly work: Work) {}
    }
    const [problem] = createApp({ services: [Work, Holder] })
      .graph()
      .toJSON().problems;
    expect(problem?.message).toMatch(
      /Holder \(.*scoped-graphs\.test\.ts:\d+\) holds Work \(.*scoped-graphs\.test\.ts:\d+\)/,
    );
  });

  it('compares dependsOn with the constructor', () => {
    @scoped('user')
    class Profile {
      readonly profile = true;
    }
    // @ts-expect-error nothing is declared for the constructor's parameter
    @scoped('run')
    class Work {
      constructor(readonly profile: Profile) {}
    }
    expect(Work.length).toBe(1);
  });
});

describe('any scoped graph', () => {
  /** For each class whether it is the user's, what it needs of those before it, and whether it throws and disposes slowly. */
  const shapes = fc.array(
    fc.record({
      isUsers: fc.boolean(),
      needs: fc.array(fc.nat(), { maxLength: 6 }),
      slow: fc.boolean(),
    }),
    { minLength: 1, maxLength: 12 },
  );

  it('makes each instance once and after all that it needs, undoes a throw, and disposes in reverse', async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(), { nil: undefined }),
        async (rows, asked, breaking) => {
          const journal: Note[] = [];
          let broken = breaking === undefined ? undefined : breaking % rows.length;
          const classes: Class[] = [];
          rows.forEach(({ isUsers, needs, slow }, at) => {
            const needed = [...new Set(needs.map((need) => need % Math.max(1, at)))].filter(
              (need) => need < at && (!isUsers || (rows[need] as { isUsers: boolean }).isUsers),
            );
            const name = `C${at}`;
            const made = {
              [name]: class {
                constructor(...given: object[]) {
                  if (at === broken) throw new Error(`${name} is broken`);
                  expect(given.map((each) => each.constructor)).toEqual(needed.map((need) => classes[need]));
                  journal.push({ what: 'made', instance: this, given });
                }
                async dispose(): Promise<void> {
                  if (slow) for (let turn = 0; turn < 3; turn += 1) await Promise.resolve();
                  journal.push({ what: 'disposed', instance: this, given: [] });
                }
              },
            }[name] as Class;
            scoped(isUsers ? 'user' : 'run', { dependsOn: needed.map((need) => classes[need] as Class) as never })(
              made,
            );
            classes.push(made);
          });
          const { app, run } = await running([...classes].reverse());
          const scope = run();
          const classOf = (ask: number): Class => classes[ask % classes.length] as Class;
          for (const ask of asked) {
            const began = journal.length;
            try {
              expect(scope.get(classOf(ask))).toBeInstanceOf(classOf(ask));
              expect(journal.slice(began).every(({ what }) => what === 'made')).toBe(true);
            } catch (error) {
              expect(error).toMatchObject({ code: 'SCOPE_CONSTRUCT_FAILED', details: { class: `C${broken}` } });
            }
          }
          broken = undefined;
          const roots = asked.map((ask) => scope.get(classOf(ask)));
          expect(asked.map((ask) => scope.get(classOf(ask)))).toEqual(roots);
          checkOnce(roots, journal);
          await scope.close();
          await app.stop();
          checkOrder(journal);
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** One event in the life of an instance. */
interface Note {
  readonly what: 'made' | 'disposed';
  readonly instance: object;
  readonly given: readonly object[];
}

/** Whatever can be reached is one instance of its class. */
function checkOnce(roots: readonly object[], journal: readonly Note[]): void {
  const givenTo = new Map(
    journal.filter(({ what }) => what === 'made').map(({ instance, given }) => [instance, given]),
  );
  const reached = new Set(roots);
  for (const instance of reached) for (const each of givenTo.get(instance) ?? []) reached.add(each);
  expect(new Set([...reached].map((each) => each.constructor)).size).toBe(reached.size);
}

/** At every point what is there has all that it was given; in the end nothing is there. */
function checkOrder(journal: readonly Note[]): void {
  const alive = new Map<object, readonly object[]>();
  for (const { what, instance, given } of journal) {
    if (what === 'made') {
      for (const each of given) expect(alive.has(each)).toBe(true);
      alive.set(instance, given);
    } else {
      expect(alive.delete(instance)).toBe(true);
      for (const others of alive.values()) expect(others.includes(instance)).toBe(false);
    }
  }
  expect(alive.size).toBe(0);
}
