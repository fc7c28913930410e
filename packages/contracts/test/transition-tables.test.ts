import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { CONNECTION, RUN, StateMachine, TOOL, type TransitionTable } from '@muster/contracts';

const tables: Record<string, TransitionTable> = { CONNECTION, RUN, TOOL };

/** Walks every cell of a table: legal events move, illegal ones throw, are counted and leave the state alone. */
function walkEveryCell(name: string, table: TransitionTable): void {
  const events = new Set(Object.values(table).flatMap((row) => Object.keys(row)));
  for (const [state, row] of Object.entries(table)) {
    for (const event of events) {
      const machine = new StateMachine(name, table, state);
      const to = row[event];
      if (to !== undefined) {
        expect(machine.send(event as never)).toBe(to);
        expect(Object.keys(table)).toContain(to);
      } else {
        expect(() => machine.send(event as never)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
        expect(machine.state).toBe(state);
        expect(machine.illegalMoves).toBe(1);
      }
    }
  }
}

describe('transition tables', () => {
  it.each(Object.entries(tables))('%s accepts exactly the events that stand in it', walkEveryCell);

  it('names what would have been legal when an event is refused', () => {
    const machine = new StateMachine('run r1', RUN, 'accepted');
    expect(() => machine.send('agent_completed')).toThrow(
      expect.objectContaining({
        details: { machine: 'run r1', state: 'accepted', event: 'agent_completed', legal: ['agent_started'] },
      }),
    );
  });

  it('tells the observer every move after it was made', () => {
    const moves: string[] = [];
    const machine = new StateMachine('tool t', TOOL, 'requested', {
      moved: ({ from, event, to }) => moves.push(`${from} ${event} ${to} ${machine.state}`),
    });
    machine.send('tool_executing');
    machine.send('tool_completed');
    expect(moves).toEqual([
      'requested tool_executing executing executing',
      'executing tool_completed completed completed',
    ]);
  });

  it.each([
    ['connection-state.ts', CONNECTION],
    ['run-state.ts', RUN],
    ['run-state.ts', TOOL],
  ])('the picture in %s names every state and event of its table', (file, table: TransitionTable) => {
    const picture = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8').split('*/')[0] as string;
    for (const [state, row] of Object.entries(table)) {
      expect(picture).toContain(state);
      for (const event of Object.keys(row)) expect(picture).toContain(event);
    }
  });
});
