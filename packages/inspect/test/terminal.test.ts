/** What reaches a terminal, and what reaches a pipe. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { printable, Terminal } from '../src/terminal.ts';

function stream(isTTY: boolean) {
  const written: string[] = [];
  const it = { isTTY, hasColors: () => true, on: () => it, write: (text: string) => written.push(text) };
  return { it: it as unknown as NodeJS.WriteStream, written };
}

const tree = '├─ ChatSocket factory\n│  └─ ● Shop running\n└─ (optional) ✘ Mailer failed – a ● b\n+ A → B\n';

describe('Terminal', () => {
  const before = process.env['NO_COLOR'];
  beforeEach(() => {
    delete process.env['NO_COLOR'];
  });
  afterEach(() => {
    if (before === undefined) delete process.env['NO_COLOR'];
    else process.env['NO_COLOR'] = before;
  });

  it('paints marks, and marks only, on a terminal', () => {
    const { it, written } = stream(true);
    new Terminal(it, it).print(tree);
    expect(written.join('')).toBe(
      tree
        .replace('● Shop', '\u001b[32m●\u001b[0m Shop')
        .replace('✘ Mailer', '\u001b[31m✘\u001b[0m Mailer')
        .replace('+ A', '\u001b[32m+\u001b[0m A'),
    );
  });

  it('paints nothing in a pipe, nor for people who want no colours, nor in what programs read', () => {
    const pipe = stream(false);
    new Terminal(pipe.it, pipe.it).print(tree);
    const terminal = stream(true);
    new Terminal(terminal.it, terminal.it).printPlain(tree);
    process.env['NO_COLOR'] = '1';
    new Terminal(terminal.it, terminal.it).print(tree);
    new Terminal(terminal.it, terminal.it).complain(tree);
    expect([...pipe.written, ...terminal.written]).toEqual([tree, tree, tree, tree]);
  });

  it('shows what could move a cursor or hide text, and keeps line breaks', () => {
    expect(printable('a\u001b[2J\r\nb\u202e\t')).toBe('a\\u{1b}[2J\\u{d}\nb\\u{202e}\\u{9}');
  });

  it('shows no secret that stands in an error', () => {
    expect(printable('postgres://ann:correct-horse@db is gone')).toBe('postgres://ann:[redacted]@db is gone');
  });
});
