/**
 * Where every node of the graph stands and how its lines run: columns from left to right, needed things first.
 *
 * Lines to one needed thing share a trunk, so that a log which everybody needs is one line that branches. Pure, and the same
 * for the same graph. Above `DENSE` nodes trunks would take more room than nodes: lines are then drawn straight, and long
 * columns are folded.
 */
import { type Layering, layering, type Link as Need } from './layering.ts';
import { type Cell, orderColumns } from './ordering.ts';
import { placeInLine } from './placement.ts';

export const NODE = { width: 180, height: 46 } as const;
const GAP = { column: 46, row: 16, trunk: 7, gate: 48, fold: 16 } as const;
const DENSE = 250;
const SETTLINGS = 10;

/** `from` needs `to`, or can do without it: then its line is faint. */
export interface Link extends Need {
  readonly isFaint?: boolean;
}

export interface Place {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  /** Upper left corners. */
  readonly places: ReadonlyMap<string, Place>;
  /** The way of each line, by `wayName`. */
  readonly ways: ReadonlyMap<string, string>;
  /** All pieces of lines, each once, as one path; those of faint lines alone are apart. */
  readonly solid: string;
  readonly faint: string;
  readonly width: number;
  /** The upper edge; places are around 0. */
  readonly top: number;
  readonly height: number;
  /** Where the gate stands between columns; `null` when nothing is behind it. */
  readonly gateX: number | null;
}

interface Spot extends Cell {
  readonly id: string;
  readonly isNode: boolean;
  y: number;
}

export const wayName = ({ from, to }: Need): string => `${to}\n${from}`;

export function layOut(ids: readonly string[], links: readonly Link[], isBehind: (id: string) => boolean): Layout {
  const known = new Set(ids);
  const drawn = links.filter(({ from, to }) => from !== to && known.has(from) && known.has(to));
  const layers = layering(ids, drawn, isBehind);
  const isDense = ids.length > DENSE;
  const { columns, spots, trunks } = cellsOf(ids, drawn, layers, isDense);
  orderColumns(columns, isDense);
  const xs = isDense ? fold(columns, layers) : settle(columns, layers);
  return { ...drawAll(drawn, spots, trunks, xs), ...frame(columns, xs) };
}

/** `trunks` are the spots that the lines from a needed thing pass through, by column. */
function cellsOf(ids: readonly string[], links: readonly Link[], layers: Layering, isDense: boolean) {
  const columns: Spot[][] = Array.from({ length: layers.columns }, () => []);
  const add = (id: string, column: number, isNode: boolean): Spot => {
    const spot: Spot = { id, isNode, column, left: [], right: [], at: 0, y: 0 };
    (columns[column] as Spot[]).push(spot);
    return spot;
  };
  const spots = new Map(ids.map((id) => [id, add(id, layers.columnOf.get(id) as number, true)]));
  const trunks = new Map<string, Spot[]>();
  const join = (left: Spot, right: Spot): void => {
    left.right.push(right);
    right.left.push(left);
  };
  for (const { from, to } of links) {
    const [begin, end] = [spots.get(to) as Spot, spots.get(from) as Spot];
    if (end.column <= begin.column) continue; // it closes a circle
    const trunk = trunks.get(to) ?? [];
    trunks.set(to, trunk);
    const passes = isDense ? 0 : end.column - begin.column - 1;
    while (trunk.length < passes) {
      const spot = add(to, begin.column + trunk.length + 1, false);
      join(trunk.at(-1) ?? begin, spot);
      trunk.push(spot);
    }
    join(trunk[passes - 1] ?? begin, end);
  }
  return { columns, spots, trunks };
}

interface Across {
  /** The left edge of a spot. */
  readonly of: (spot: Spot) => number;
  readonly width: number;
  readonly gateX: number | null;
}

function columnEdges({ columns, gateBefore }: Layering, widthOf: (column: number) => number): Across {
  const lefts: number[] = [];
  let x = 0;
  let gateX: number | null = null;
  for (let column = 0; column < columns; column += 1) {
    if (column === gateBefore) {
      // Where everything stands behind the gate, nothing stands before it.
      gateX = column === 0 ? 0 : x + (GAP.gate - GAP.column) / 2;
      x += GAP.gate;
    }
    lefts.push(x);
    x += widthOf(column) + GAP.column;
  }
  return { of: ({ column }) => lefts[column] as number, width: Math.max(0, x - GAP.column), gateX };
}

/** Heights of spots so that lines run straight; what is needed by much gets its way more than what is not. */
function settle(columns: Spot[][], layers: Layering): Across {
  const roomOf = ({ isNode }: Spot): number => (isNode ? NODE.height + GAP.row : GAP.trunk + GAP.row / 2);
  for (const column of columns) {
    let y = 0;
    for (const spot of column) {
      spot.y = y + roomOf(spot) / 2;
      y += roomOf(spot);
    }
    for (const spot of column) spot.y -= y / 2;
  }
  for (let turn = 0; turn < SETTLINGS; turn += 1) {
    const sides = turn >= SETTLINGS - 2 ? (['left', 'right'] as const) : ([turn % 2 === 0 ? 'left' : 'right'] as const);
    for (const column of turn % 2 === 0 ? columns : [...columns].reverse()) {
      const wishes = column.map((spot) => ({ ...wishOf(spot, sides), room: roomOf(spot) }));
      placeInLine(wishes).forEach((middle, at) => {
        (column[at] as Spot).y = middle;
      });
    }
  }
  return columnEdges(layers, () => NODE.width);
}

function wishOf(spot: Spot, sides: readonly ('left' | 'right')[]): { middle: number; weight: number } {
  let [sum, weight] = [0, 0];
  for (const side of sides) {
    for (const near of spot[side] as Spot[]) {
      // A trunk that is bent looks worse than a branch.
      const pull = spot.isNode || near.isNode ? 1 : 4;
      sum += near.y * pull;
      weight += pull;
    }
  }
  return weight === 0 ? { middle: spot.y, weight: 0.2 } : { middle: sum / weight, weight };
}

/** Columns that are longer than the picture is wide are folded into several side by side. */
function fold(columns: Spot[][], layers: Layering): Across {
  const total = columns.reduce((sum, column) => sum + column.length, 0);
  const pitch = { x: NODE.width + GAP.fold, y: NODE.height + GAP.row };
  const rows = Math.max(8, Math.ceil(Math.sqrt((total * pitch.x) / pitch.y / 1.8)));
  const folds = columns.map((column) => Math.max(1, Math.ceil(column.length / rows)));
  columns.forEach((column, at) => {
    const count = folds[at] as number;
    const height = Math.ceil(column.length / count) * pitch.y;
    for (const spot of column) spot.y = (Math.floor(spot.at / count) + 0.5) * pitch.y - height / 2;
  });
  const across = columnEdges(layers, (column) => (folds[column] as number) * pitch.x - GAP.fold);
  return { ...across, of: (spot) => across.of(spot) + (spot.at % (folds[spot.column] as number)) * pitch.x };
}

function drawAll(
  links: readonly Link[],
  spots: ReadonlyMap<string, Spot>,
  trunks: ReadonlyMap<string, Spot[]>,
  { of }: Across,
) {
  const ways = new Map<string, string>();
  const [solid, faint] = [new Set<string>(), new Set<string>()];
  for (const link of links) {
    const [begin, end] = [spots.get(link.to) as Spot, spots.get(link.from) as Spot];
    const passed = (trunks.get(link.to) ?? []).slice(0, Math.max(0, end.column - begin.column - 1));
    const parts: string[] = [];
    let [x, y] = [of(begin) + NODE.width, begin.y];
    for (const spot of [...passed, end]) {
      const near = of(spot);
      parts.push(curve(x, y, near, spot.y) + (spot.isNode ? '' : `H${round(near + NODE.width)}`));
      [x, y] = [spot.isNode ? near : near + NODE.width, spot.y];
    }
    for (const part of parts) (link.isFaint === true ? faint : solid).add(part);
    ways.set(wayName(link), parts.join(''));
  }
  const places = new Map(
    [...spots].map(([id, spot]) => [id, { x: round(of(spot)), y: round(spot.y - NODE.height / 2) }]),
  );
  const alone = [...faint].filter((part) => !solid.has(part));
  return { places, ways, solid: [...solid].join(''), faint: alone.join('') };
}

function curve(x: number, y: number, toX: number, toY: number): string {
  const middle = round((x + toX) / 2);
  const bend =
    Math.abs(y - toY) < 0.5
      ? `H${round(toX)}`
      : `C${middle} ${round(y)} ${middle} ${round(toY)} ${round(toX)} ${round(toY)}`;
  return `M${round(x)} ${round(y)}${bend}`;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function frame(columns: readonly Spot[][], { width, gateX }: Across) {
  let [top, bottom] = [Infinity, -Infinity];
  for (const { y, isNode } of columns.flat()) {
    const half = isNode ? NODE.height / 2 : 0;
    top = Math.min(top, y - half);
    bottom = Math.max(bottom, y + half);
  }
  return { width, top: Number.isFinite(top) ? top : 0, height: Math.max(0, bottom - top), gateX };
}
