/**
 * Orders each column so that few lines cross: sweeps from side to side, each cell at the mean of its neighbours.
 *
 * The same cells in the same order give the same result.
 */

/** A node, or a place where a line passes through a column. */
export interface Cell {
  readonly column: number;
  /** Neighbours in columns to the left and to the right. */
  readonly left: Cell[];
  readonly right: Cell[];
  /** Its place in its column, from 0; set here. */
  at: number;
}

const SWEEPS = 16;

/** Sorts the columns in place. Counting crossings costs the most, so it is left out where `quick`. */
export function orderColumns(columns: Cell[][], quick: boolean): void {
  columns.forEach(number);
  let best = columns.map((column) => [...column]);
  let fewest = quick ? Infinity : crossings(columns);
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const rightwards = sweep % 2 === 0;
    for (const column of rightwards ? columns : [...columns].reverse()) {
      settle(column, columns, rightwards ? 'left' : 'right');
    }
    if (quick) continue;
    const found = crossings(columns);
    if (found >= fewest) continue;
    fewest = found;
    best = columns.map((column) => [...column]);
  }
  if (quick) return;
  best.forEach((column, at) => {
    columns[at] = column;
    number(column);
  });
}

function number(column: Cell[]): void {
  column.forEach((cell, at) => {
    cell.at = at;
  });
}

function settle(column: Cell[], columns: readonly Cell[][], side: 'left' | 'right'): void {
  const wish = new Map<Cell, number>();
  for (const cell of column) {
    const near = cell[side];
    // Columns differ in length, so places are compared as parts of their own column.
    const places = near.map((each) => (each.at + 0.5) / (columns[each.column] as Cell[]).length);
    const mean = places.reduce((sum, place) => sum + place, 0) / places.length;
    wish.set(cell, places.length > 0 ? mean : (cell.at + 0.5) / column.length);
  }
  column.sort((a, b) => (wish.get(a) as number) - (wish.get(b) as number) || a.at - b.at);
  number(column);
}

/** How many pairs of lines between neighbouring columns cross. */
export function crossings(columns: readonly Cell[][]): number {
  let total = 0;
  for (const column of columns) {
    const ends = column.flatMap((cell) => cell.right.map(({ at }) => at).sort((a, b) => a - b));
    total += inversions(ends);
  }
  return total;
}

/** By merge sort: pairs that stand the wrong way round. */
function inversions(values: number[]): number {
  if (values.length < 2) return 0;
  const middle = values.length >> 1;
  const [low, high] = [values.slice(0, middle), values.slice(middle)];
  let found = inversions(low) + inversions(high);
  for (let at = 0, i = 0, j = 0; at < values.length; at += 1) {
    if (j >= high.length || (i < low.length && (low[i] as number) <= (high[j] as number))) {
      values[at] = low[i++] as number;
    } else {
      values[at] = high[j++] as number;
      found += low.length - i;
    }
  }
  return found;
}
