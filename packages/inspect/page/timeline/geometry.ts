/** Where the bars of a boot stand on their lines. Pure; everything is a part of the whole width, from 0 to 1. */
import type { Boot, Lane, Span } from '../../src/live/overview.ts';

export interface Bar {
  readonly kind: Span['kind'];
  readonly from: number;
  readonly to: number;
  readonly isOpen: boolean;
}

/**
 * How much time the axis shows. While a boot goes on it is rounded up, so that the picture is drawn anew now and then and
 * not all the time. What was started again later is not in it: an hour of quiet would leave the boot no room.
 */
export function extentOf(boot: Boot, lanes: readonly Lane[], elapsedMs: number): number {
  if (boot.endedAt !== null) return Math.max(1, boot.endedAt, boot.gateOpenedAt ?? 0);
  const ends = lanes.flatMap(({ spans }) => spans.map(({ from, to }) => to ?? (elapsedMs > 0 ? elapsedMs : from)));
  return roundedUp(Math.max(1, elapsedMs, ...ends.slice(0, 10_000)) * 1.05);
}

function roundedUp(ms: number): number {
  const step = 10 ** Math.floor(Math.log10(ms));
  return [1, 1.5, 2, 3, 5, 7, 10].map((factor) => factor * step).find((each) => each >= ms) as number;
}

/** Round times along the axis, about `wanted` of them; the end is not among them. */
export function ticksOf(extentMs: number, wanted: number): number[] {
  const rough = extentMs / Math.max(1, wanted);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) as number;
  const last = extentMs * (1 - 0.4 / Math.max(1, wanted));
  return Array.from({ length: Math.floor(last / step) + 1 }, (_, at) => at * step);
}

/** `200 ms`, `1.5 s`, `2 min`: round times need no more digits. */
export function tickLabel(ms: number): string {
  if (ms < 1_000) return `${Number(ms.toFixed(3))} ms`;
  return ms < 120_000 ? `${Number((ms / 1_000).toFixed(3))} s` : `${Number((ms / 60_000).toFixed(2))} min`;
}

export function barsOf({ spans }: Pick<Lane, 'spans'>, extentMs: number, elapsedMs: number): Bar[] {
  return spans
    .filter(({ from }) => from < extentMs)
    .map(({ kind, from, to }) => ({
      kind,
      from: from / extentMs,
      to: Math.min(1, Math.max(from, to ?? elapsedMs) / extentMs),
      isOpen: to === null,
    }));
}

/** When its own work began; what still waits comes last. */
export function beginOf({ spans }: Pick<Lane, 'spans'>): number {
  return spans.find(({ kind }) => kind !== 'waiting')?.from ?? Infinity;
}

/** Those that wait stand in the order of their ranks, which is about the order in which they will begin. */
export function inOrder(lanes: readonly Lane[], rankOf: (id: string) => number): string[] {
  return lanes
    .map((lane) => ({ id: lane.id, begin: beginOf(lane), rank: rankOf(lane.id) }))
    .sort((a, b) => (a.begin === b.begin ? a.rank - b.rank || (a.id < b.id ? -1 : 1) : a.begin - b.begin))
    .map(({ id }) => id);
}

/** Times by kind, added up, in the order of their first appearance. */
export function sumsOf({ spans }: Pick<Lane, 'spans'>, elapsedMs: number): Map<Span['kind'], number> {
  const sums = new Map<Span['kind'], number>();
  for (const { kind, from, to } of spans) {
    sums.set(kind, (sums.get(kind) ?? 0) + Math.max(0, (to ?? elapsedMs) - from));
  }
  return sums;
}
