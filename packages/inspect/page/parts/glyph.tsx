/** The sign of a standing: its shape says what its colour says. */
import type { Sign, Standing } from '../standing.ts';

/** In a square of 16; `fill` shapes are solid, `line` shapes drawn with a pen. */
const SHAPES: Readonly<Record<Sign, { readonly fill?: string; readonly line?: string }>> = {
  disc: { fill: 'M8 3a5 5 0 1 0 0 10A5 5 0 0 0 8 3Z' },
  ring: { line: 'M8 3.8a4.2 4.2 0 1 0 0 8.4 4.2 4.2 0 0 0 0-8.4Z' },
  tick: { line: 'M3 8.5l3.4 3.4L13 5' },
  half: { fill: 'M8 3.5a4.5 4.5 0 0 1 0 9Z', line: 'M8 3.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9Z' },
  dots: { fill: 'M3 6.7a1.3 1.3 0 1 0 .01 0ZM8 6.7a1.3 1.3 0 1 0 .01 0ZM13 6.7a1.3 1.3 0 1 0 .01 0Z' },
  triangle: { fill: 'M8 2.4 14.3 13.4H1.7Z' },
  loop: { line: 'M12.6 8a4.6 4.6 0 1 1-1.5-3.4M11.6 1.8v3.1H8.5' },
  octagon: { fill: 'M5.4 1.8h5.2l3.6 3.6v5.2l-3.6 3.6H5.4l-3.6-3.6V5.4Zm1.7 2.5v4.6h1.8V4.3Zm0 5.8v1.7h1.8v-1.7Z' },
  cross: { line: 'M4 4l8 8M12 4l-8 8' },
  pause: { line: 'M5.8 4v8M10.2 4v8' },
  barred: { line: 'M8 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6ZM4.8 11.2l6.4-6.4' },
  square: { line: 'M4.5 4.5h7v7h-7Z' },
  diamond: { fill: 'M8 2.6 13.4 8 8 13.4 2.6 8Z' },
  point: { fill: 'M8 6.4a1.6 1.6 0 1 0 .01 0Z' },
};

export function Glyph({ standing: { sign, tone } }: { readonly standing: Pick<Standing, 'sign' | 'tone'> }) {
  const { fill, line } = SHAPES[sign];
  return (
    <svg class={`glyph ${tone}`} viewBox="0 0 16 16" width="16" height="16" aria-hidden="true">
      {fill !== undefined && <path d={fill} fill="currentColor" fill-rule="evenodd" />}
      {line !== undefined && (
        <path
          d={line}
          fill="none"
          stroke="currentColor"
          stroke-width="2"
          stroke-linecap="round"
          stroke-linejoin="round"
        />
      )}
    </svg>
  );
}

/** Sign and word together. */
export function StandingMark({ standing }: { readonly standing: Standing }) {
  return (
    <span class={`mark ${standing.tone}`}>
      <Glyph standing={standing} />
      {standing.word}
    </span>
  );
}
