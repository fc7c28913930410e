/** How the graph is laid out: columns, order, places. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { layering, type Link } from '../../page/graph/layering.ts';
import { layOut, NODE, wayName } from '../../page/graph/layout.ts';
import { type Cell, crossings, orderColumns } from '../../page/graph/ordering.ts';
import { placeInLine } from '../../page/graph/placement.ts';
import { brought, fitted, zoomed } from '../../page/graph/viewport.ts';
import { nextNode } from '../../page/graph/walk.ts';
import { manyServices, SHOP, type Spec } from './specs.ts';

const nobody = (): boolean => false;
const linksOf = (specs: readonly Spec[]): Link[] =>
  specs.flatMap(({ id, needs }) => needs.map((to) => ({ from: id, to })));
const idsOf = (specs: readonly Spec[]): string[] => specs.map(({ id }) => id);

/** Any graph, circles included. */
const graphs = fc.integer({ min: 0, max: 40 }).chain((size) =>
  fc.record({
    ids: fc.constant(Array.from({ length: size }, (_, at) => `n${at}`)),
    links: fc.array(
      fc.record({ from: fc.integer({ min: 0, max: 45 }), to: fc.integer({ min: 0, max: 45 }) }).map(({ from, to }) => ({
        from: `n${from}`,
        to: `n${to}`,
      })),
      { maxLength: 90 },
    ),
    behind: fc.array(fc.integer({ min: 0, max: 40 }).map((at) => `n${at}`)),
  }),
);

function overlaps(places: ReadonlyMap<string, { x: number; y: number }>): string[] {
  const list = [...places];
  return list.flatMap(([a, one], at) =>
    list
      .slice(at + 1)
      .filter(([, two]) => Math.abs(one.x - two.x) < NODE.width && Math.abs(one.y - two.y) < NODE.height)
      .map(([b]) => `${a} on ${b}`),
  );
}

describe('the layout of the graph', () => {
  it('puts everything to the right of what it needs, and factories behind the gate', () => {
    const isBehind = (id: string): boolean => ['WebSocketServer', 'ShopSocket', 'HelpAgent'].includes(id);
    const { places, gateX, width } = layOut(idsOf(SHOP), linksOf(SHOP), isBehind);
    const x = (id: string): number => places.get(id)?.x as number;
    for (const { from, to } of linksOf(SHOP)) expect(x(to) + NODE.width).toBeLessThan(x(from));
    expect(gateX).not.toBeNull();
    for (const { id } of SHOP) expect([id, x(id) > (gateX as number)]).toEqual([id, isBehind(id)]);
    expect(Math.max(...SHOP.map(({ id }) => x(id))) + NODE.width).toBe(width);
  });

  it('draws any graph: every node once, none on another, every line that has two ends, the same each time', () => {
    fc.assert(
      fc.property(graphs, ({ ids, links, behind }) => {
        const isBehind = (id: string): boolean => behind.includes(id);
        const made = layOut(ids, links, isBehind);
        expect([...made.places.keys()].sort()).toEqual([...ids].sort());
        expect(overlaps(made.places)).toEqual([]);
        for (const { from, to } of links) {
          const isDrawn = from !== to && ids.includes(from) && ids.includes(to);
          expect(made.ways.has(wayName({ from, to }))).toBe(isDrawn);
        }
        expect([...made.places.values()].every(({ x, y }) => Number.isFinite(x) && Number.isFinite(y))).toBe(true);
        expect(layOut(ids, links, isBehind)).toEqual(made);
      }),
      { numRuns: 60 },
    );
  });

  it('folds a thousand services into about the shape of a screen, none on another', () => {
    const specs = manyServices(1_000);
    const began = performance.now();
    const { places, width, height } = layOut(idsOf(specs), linksOf(specs), nobody);
    // Twenty times what it takes here.
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(overlaps(places)).toEqual([]);
    expect(width / height).toBeGreaterThan(1);
    expect(width / height).toBeLessThan(4);
  });

  it('is not stopped by a chain of ten thousand', () => {
    const ids = Array.from({ length: 10_000 }, (_, at) => `n${at}`);
    const links = ids.slice(1).map((from, at) => ({ from, to: `n${at}` }));
    expect(layering(ids, links, nobody).columns).toBe(10_000);
  });

  it('orders columns so that fewer lines cross, down to none where that can be', () => {
    const cell = (column: number): Cell => ({ column, left: [], right: [], at: 0 });
    const join = (left: Cell, right: Cell): void => {
      left.right.push(right);
      right.left.push(left);
    };
    const columns = [0, 1, 2].map((column) => Array.from({ length: 12 }, () => cell(column)));
    for (const at of Array.from({ length: 12 }).keys()) {
      join(columns[0]?.[at] as Cell, columns[1]?.[(at * 5) % 12] as Cell);
      join(columns[1]?.[(at * 5) % 12] as Cell, columns[2]?.[(at * 7) % 12] as Cell);
    }
    columns.forEach((column) => column.forEach((each, at) => (each.at = at)));
    expect(crossings(columns)).toBeGreaterThan(30);
    orderColumns(columns, false);
    expect(crossings(columns)).toBe(0);
  });

  it('places in line as near as can be to what is wished, in order and with room', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            middle: fc.integer({ min: -200, max: 200 }),
            weight: fc.integer({ min: 1, max: 5 }),
            room: fc.integer({ min: 1, max: 60 }),
          }),
          { maxLength: 12 },
        ),
        (wishes) => {
          const placed = placeInLine(wishes);
          const cost = (middles: readonly number[]): number =>
            wishes.reduce((sum, { middle, weight }, at) => sum + weight * (middle - (middles[at] as number)) ** 2, 0);
          const isSound = (middles: readonly number[]): boolean =>
            wishes.every(
              ({ room }, at) =>
                at === 0 ||
                (middles[at] as number) - (middles[at - 1] as number) >=
                  ((wishes[at - 1]?.room ?? 0) + room) / 2 - 1e-6,
            );
          expect(isSound(placed)).toBe(true);
          // No small step of one or of all that follow it is better.
          for (const step of [-0.5, 0.5]) {
            for (const from of placed.keys()) {
              for (const to of [from + 1, placed.length]) {
                const other = placed.map((middle, at) => (at >= from && at < to ? middle + step : middle));
                if (isSound(other)) expect(cost(other)).toBeGreaterThanOrEqual(cost(placed) - 1e-6);
              }
            }
          }
        },
      ),
    );
  });
});

describe('the viewport', () => {
  const layout = layOut(idsOf(SHOP), linksOf(SHOP), nobody);
  const size = { width: 800, height: 500 };

  it('fits all of it in the middle', () => {
    const { x, y, k } = fitted(layout, size);
    expect(x).toBeGreaterThan(0);
    expect(x * 2 + layout.width * k).toBeCloseTo(size.width);
    expect(y + layout.top * k).toBeGreaterThan(0);
  });

  it('keeps the point under the pointer where it is', () => {
    const before = fitted(layout, size);
    const at = { x: 300, y: 200 };
    const after = zoomed(before, 1.7, at);
    expect((at.x - after.x) / after.k).toBeCloseTo((at.x - before.x) / before.k);
    expect((at.y - after.y) / after.k).toBeCloseTo((at.y - before.y) / before.k);
    expect(zoomed(before, 1e9, at).k).toBe(2.5);
  });

  it('moves no more than it has to', () => {
    const still = { x: 0, y: 0, k: 1 };
    expect(brought(still, { x: 100, y: 100, ...NODE }, size)).toEqual(still);
    expect(brought(still, { x: 900, y: 100, ...NODE }, size).x).toBe(800 - 28 - 900 - NODE.width);
    expect(brought(still, { x: 100, y: -50, ...NODE }, size).y).toBe(28 + 50);
  });

  it('goes with the arrows to the next node as the eye would, and stays at the rim', () => {
    const right = nextNode(layout, 'Secrets', 'ArrowRight') as string;
    expect(layout.places.get(right)?.x).toBeGreaterThan(layout.places.get('Secrets')?.x as number);
    expect(nextNode(layout, 'Settings', 'ArrowLeft')).toBeNull();
    expect(nextNode(layout, 'Secrets', 'a')).toBeNull();
    expect(nextNode(layout, 'nobody', 'ArrowLeft')).toBeNull();
  });
});
