/** How texts and numbers of the server come to the page. */
import { describe, expect, it } from '@jest/globals';
import { ahead } from '../../page/live/server-clock.ts';
import { windowOf } from '../../page/parts/virtual-rows.ts';
import { bytes, clockTime, count, duration, elapsed, plural } from '../../page/text/amount.ts';
import { readMessage, visible } from '../../page/text/visible.ts';
import { hrefOf, parseRoute } from '../../page/shell/route.ts';

describe('texts from the server', () => {
  it('hide nothing: control, ESC, bidi and invisible characters are written out', () => {
    expect(visible('a\u202eb\u001b[31mc\u200bd\u0000e\u2066f\ufeff')).toBe(
      'a\\u202eb\\u001b[31mc\\u200bd\\u0000e\\u2066f\\ufeff',
    );
    expect(visible('two\nlines\tand häuser, 漢字, 🚀')).toBe('two\nlines\tand häuser, 漢字, 🚀');
    expect(visible('\r')).toBe('\\u000d');
  });

  it('are read so wherever they stand in a message, in names of fields as well, escaped or not', () => {
    const message = {
      text: '\u202e',
      list: [{ reason: '\u001b[2J' }],
      byState: { 're\u202eady': 1 },
      n: 1,
      none: null,
    };
    const wanted = {
      text: '\\u202e',
      list: [{ reason: '\\u001b[2J' }],
      byState: { 're\\u202eady': 1 },
      n: 1,
      none: null,
    };
    expect(readMessage(JSON.stringify(message))).toEqual(wanted);
    const escaped = JSON.stringify(message).replaceAll('\u202e', '\\u202e');
    expect(readMessage(escaped)).toEqual(wanted);
    expect(readMessage('{"a":"plain"}')).toEqual({ a: 'plain' });
    expect(readMessage('{"a":"\\r"}')).toEqual({ a: '\\u000d' });
  });

  it('write times with the digits that matter', () => {
    expect([0, 0.44, 9.99, 617.4, 999.6, 2_310, 59_990, 65_000, 11_520_000, 187_200_000].map(duration)).toEqual([
      '0 ms',
      '0.4 ms',
      '10 ms',
      '617 ms',
      '1.00 s',
      '2.31 s',
      '1 min',
      '1 min 5 s',
      '3 h 12 min',
      '2 d 4 h',
    ]);
    expect([-5, 999, 34_999, 61_000].map(elapsed)).toEqual(['0 s', '0 s', '34 s', '1 min 1 s']);
    expect(clockTime(new Date(2026, 1, 3, 4, 5, 6, 7).getTime(), true)).toBe('04:05:06.007');
  });

  it('write numbers so that they can be read', () => {
    expect(count(1_204_318)).toBe('1\u00a0204\u00a0318');
    expect([plural(1, 'run'), plural(2, 'run')]).toEqual(['1 run', '2 runs']);
    expect([bytes(999), bytes(1_240), bytes(3_400_000)]).toEqual(['999 B', '1.2 kB', '3.4 MB']);
  });
});

describe('the clock of the server', () => {
  it('is known best from the quickest message, so that no time goes back; and follows when it is set', () => {
    expect(ahead(null, 5_000, 1_000)).toBe(4_000);
    expect(ahead(4_000, 6_000, 2_010)).toBe(4_000); // ten milliseconds late
    expect(ahead(4_000, 6_000, 1_990)).toBe(4_010);
    expect(ahead(4_000, 6_000, 9_000)).toBe(-3_000);
  });
});

describe('the address', () => {
  it('names view and thing, whatever the thing is called', () => {
    for (const id of ['Database', 'a/b c%', '../x', '<b>', 'ü']) {
      expect(parseRoute(hrefOf('services', id))).toEqual({ view: 'services', id });
    }
    expect(parseRoute('#/timeline')).toEqual({ view: 'timeline', id: null });
    expect(parseRoute('')).toEqual({ view: 'graph', id: null });
    expect(parseRoute('#/nowhere/x')).toEqual({ view: 'graph', id: 'x' });
    expect(parseRoute('#/services/%')).toEqual({ view: 'services', id: '%' });
  });
});

describe('a long list', () => {
  it('draws what is in sight and a little more', () => {
    expect(windowOf(0, 370, 37, 1_000)).toEqual({ first: 0, end: 22 });
    expect(windowOf(3_700, 370, 37, 1_000)).toEqual({ first: 88, end: 122 });
    expect(windowOf(99_999, 370, 37, 50)).toEqual({ first: 50, end: 50 });
    expect(windowOf(-200, 370, 37, 3)).toEqual({ first: 0, end: 3 });
  });
});
