/** Moves what is in sight of the graph. */
import { effect } from '@preact/signals';
import { useLayoutEffect } from 'preact/hooks';
import { Gestures } from './gestures.ts';
import { type Layout, NODE } from './layout.ts';
import { layout } from './picture.ts';
import { brought, fitted, type Size, viewport, zoomed } from './viewport.ts';
import { tabStop } from './walk.ts';

/** Below this zoom names cannot be read; signs grow instead. */
const FAR = 0.45;

export interface Camera {
  zoom(factor: number): void;
  fit(): void;
  bring(id: string): void;
  focus(id: string): void;
}

/** The viewport is written to the element itself: a drag must not draw a thousand nodes again. */
export function useCamera(canvas: { readonly current: HTMLDivElement | null }): Camera {
  const size = (): Size => ({ width: canvas.current?.clientWidth ?? 0, height: canvas.current?.clientHeight ?? 0 });
  /** Without what the panel covers: a side, or the lower part where there is no room aside. */
  const free = (): Size => {
    const { width, height } = size();
    const panel = canvas.current?.parentElement?.querySelector<HTMLElement>('.panel');
    if (panel === null || panel === undefined) return { width, height };
    return panel.offsetWidth < width
      ? { width: width - panel.offsetWidth, height }
      : { width, height: height - panel.offsetHeight };
  };
  const camera: Camera = {
    zoom: (factor) => {
      const { width, height } = size();
      viewport.value = zoomed(viewport.peek(), factor, { x: width / 2, y: height / 2 });
    },
    fit: () => {
      viewport.value = fitted(layout.peek(), size());
    },
    bring: (id) => {
      const place = layout.peek().places.get(id);
      if (place !== undefined) viewport.value = brought(viewport.peek(), { ...place, ...NODE }, free());
    },
    focus: (id) => {
      tabStop.value = id;
      camera.bring(id);
      canvas.current?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
    },
  };
  useLayoutEffect(() => {
    const element = canvas.current as HTMLDivElement;
    const plane = element.querySelector<HTMLElement>('.plane') as HTMLElement;
    let isMoved = false;
    let shown: Layout | null = null;
    const ends = [
      effect(() => {
        const { x, y, k } = viewport.value;
        plane.style.transform = `translate(${x}px, ${y}px) scale(${k})`;
        element.classList.toggle('far', k < FAR);
      }),
      // A graph that has turned is shown whole again, unless somebody looks at a part of it.
      effect(() => {
        if (shown !== layout.value && !isMoved) camera.fit();
        shown = layout.value;
        if (tabStop.peek() === null || !layout.value.places.has(tabStop.peek() as string)) {
          tabStop.value = layout.value.places.keys().next().value ?? null;
        }
      }),
    ];
    const gestures = new Gestures(element, () => {
      isMoved = true;
    });
    const sized = new ResizeObserver(() => {
      if (!isMoved) camera.fit();
    });
    sized.observe(element);
    return () => {
      sized.disconnect();
      gestures.end();
      for (const end of ends) end();
    };
  }, []);
  return camera;
}
