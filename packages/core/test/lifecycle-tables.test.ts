import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { StateMachine, type TransitionTable } from '@muster/contracts';
import { FACTORY } from '../src/factories/factory-state.ts';
import { GATE } from '../src/lifecycle/gate-state.ts';
import { SERVICE } from '../src/lifecycle/service-state.ts';

const tables: [string, TransitionTable, string][] = [
  ['SERVICE', SERVICE, 'lifecycle/service-state.ts'],
  ['GATE', GATE, 'lifecycle/gate-state.ts'],
  ['FACTORY', FACTORY, 'factories/factory-state.ts'],
];

describe.each(tables)('%s', (name, table, file) => {
  const events = [...new Set(Object.values(table).flatMap((row) => Object.keys(row)))];
  const cells = Object.keys(table).flatMap((state) => events.map((event) => [state, event] as const));

  it.each(cells)('in %s, %s does what the table says and nothing else', (state, event) => {
    const machine = new StateMachine(name, table, state);
    const to = table[state]?.[event];
    if (to === undefined)
      expect(() => machine.send(event as never)).toThrow(expect.objectContaining({ code: 'ILLEGAL_TRANSITION' }));
    else expect(machine.send(event as never)).toBe(to);
  });

  it('has a picture that names every state and event', () => {
    const picture = readFileSync(new URL(`../src/${file}`, import.meta.url), 'utf8').split('*/')[0] as string;
    for (const word of [...Object.keys(table), ...events]) expect(picture).toContain(word);
  });
});
