/**
 * Puts things in a line as near as possible to where they wish to be, in their order and without overlap.
 *
 * The exact answer (least squares) by pooling neighbours that are in each other's way; linear time.
 */

export interface Wish {
  /** Where its middle would best be. */
  readonly middle: number;
  /** How much its wish counts. */
  readonly weight: number;
  /** How much room it takes, its gap included. */
  readonly room: number;
}

/** The middles, in the order of the wishes. */
export function placeInLine(wishes: readonly Wish[]): number[] {
  const shifts: number[] = [];
  let shift = 0;
  wishes.forEach(({ room }, at) => {
    if (at > 0) shift += ((wishes[at - 1] as Wish).room + room) / 2;
    shifts.push(shift);
  });
  const blocks: { sum: number; weight: number; size: number }[] = [];
  wishes.forEach(({ middle, weight }, at) => {
    let block = { sum: (middle - (shifts[at] as number)) * weight, weight, size: 1 };
    for (let last = blocks.at(-1); last !== undefined && meanOf(last) > meanOf(block); last = blocks.at(-1)) {
      block = { sum: last.sum + block.sum, weight: last.weight + block.weight, size: last.size + block.size };
      blocks.pop();
    }
    blocks.push(block);
  });
  return blocks
    .flatMap((block) => Array.from({ length: block.size }, () => meanOf(block)))
    .map((mean, at) => mean + (shifts[at] as number));
}

function meanOf({ sum, weight }: { readonly sum: number; readonly weight: number }): number {
  return sum / weight;
}
