/**
 * Which rows of a long list are in sight, so that only those are drawn.
 *
 * All rows have one height. A few above and below are drawn as well, because scrolling outruns drawing.
 */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

const MARGIN = 12;

export interface Window {
  readonly first: number;
  /** The first that is out of sight again. */
  readonly end: number;
}

export function windowOf(scrolled: number, height: number, rowHeight: number, total: number): Window {
  const first = Math.max(0, Math.floor(scrolled / rowHeight) - MARGIN);
  const end = Math.min(total, Math.ceil((scrolled + height) / rowHeight) + MARGIN);
  return { first: Math.min(first, end), end };
}

/** Put `list` on what holds the rows; it may stand anywhere inside of what scrolls. */
export function useWindow<E extends HTMLElement>(total: number, rowHeight: number) {
  const list = useRef<E>(null);
  const [window, setWindow] = useState<Window>(() => windowOf(0, 1_200, rowHeight, total));
  useLayoutEffect(() => {
    const scroller = list.current?.closest<HTMLElement>('[data-scrolls]');
    if (scroller === null || scroller === undefined) return;
    const look = (): void => {
      const above = scroller.getBoundingClientRect().top - (list.current as E).getBoundingClientRect().top;
      const next = windowOf(above, scroller.clientHeight, rowHeight, total);
      setWindow((known) => (known.first === next.first && known.end === next.end ? known : next));
    };
    const sized = new ResizeObserver(look);
    sized.observe(scroller);
    scroller.addEventListener('scroll', look, { passive: true });
    look();
    return () => {
      sized.disconnect();
      scroller.removeEventListener('scroll', look);
    };
  }, [total, rowHeight]);
  return { list, first: Math.min(window.first, total), end: Math.min(window.end, total) };
}
