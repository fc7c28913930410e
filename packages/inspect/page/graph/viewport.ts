/** Which part of the graph is in sight: moved by dragging, wheel, keys and buttons, always around the point that is meant. */
import { signal } from '@preact/signals';
import type { Layout, Place } from './layout.ts';

/** A point of the graph is shown at `x + k * point`. */
export interface Viewport extends Place {
  readonly k: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

const ZOOM = { least: 0.04, most: 2.5 } as const;
const MARGIN = 28;
/** Above and below, where the name of the gate stands. */
const MARGIN_OF_GATE = 44;
/** A small graph is not blown up. */
const FIT_MOST = 1.1;

export function zoomed({ x, y, k }: Viewport, factor: number, around: Place): Viewport {
  const next = Math.min(ZOOM.most, Math.max(ZOOM.least, k * factor));
  const turn = next / k;
  return { k: next, x: around.x - (around.x - x) * turn, y: around.y - (around.y - y) * turn };
}

/** All of it, in the middle. */
export function fitted({ width, height, top }: Layout, size: Size): Viewport {
  const room = { width: size.width - 2 * MARGIN, height: size.height - 2 * MARGIN_OF_GATE };
  const k = Math.max(
    ZOOM.least,
    Math.min(FIT_MOST, room.width / Math.max(1, width), room.height / Math.max(1, height)),
  );
  return { k, x: (size.width - width * k) / 2, y: (size.height - height * k) / 2 - top * k };
}

/** Moved as little as needed so that a box is in sight. */
export function brought({ x, y, k }: Viewport, box: Place & Size, size: Size): Viewport {
  const shift = (at: number, length: number, from: number, room: number): number => {
    const [begin, end] = [from + at * k, from + (at + length) * k];
    if (begin < MARGIN) return MARGIN - begin;
    return end > room - MARGIN ? room - MARGIN - end : 0;
  };
  return { k, x: x + shift(box.x, box.width, x, size.width), y: y + shift(box.y, box.height, y, size.height) };
}

export const viewport = signal<Viewport>({ x: 0, y: 0, k: 1 });
