/** Moves the viewport by hand: one pointer drags, two pinch, the wheel zooms around the pointer. */
import type { Place } from './layout.ts';
import { viewport, zoomed } from './viewport.ts';

/** Moving the pointer less than this is a click. */
const SLIP = 4;
const WHEEL = { step: 0.0015, pinch: 0.01 } as const;

export class Gestures {
  readonly #element: HTMLElement;
  readonly #onMoved: () => void;
  readonly #pointers = new Map<number, Place>();
  readonly #listening = new AbortController();
  #isDrag = false;

  constructor(element: HTMLElement, onMoved: () => void) {
    this.#element = element;
    this.#onMoved = onMoved;
    const { signal } = this.#listening;
    element.addEventListener('wheel', (event) => this.#wheel(event), { signal, passive: false });
    element.addEventListener('pointerdown', (event) => this.#down(event), { signal });
    addEventListener('pointermove', (event) => this.#move(event), { signal });
    for (const type of ['pointerup', 'pointercancel'] as const) {
      addEventListener(type, ({ pointerId }) => this.#pointers.delete(pointerId), { signal });
    }
    // The click that ends a drag is none.
    element.addEventListener('click', (event) => this.#isDrag && event.stopPropagation(), { signal, capture: true });
  }

  end(): void {
    this.#listening.abort();
  }

  #placeOf({ clientX, clientY }: MouseEvent): Place {
    const { left, top } = this.#element.getBoundingClientRect();
    return { x: clientX - left, y: clientY - top };
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault();
    this.#onMoved();
    const { deltaX, deltaY, shiftKey, ctrlKey } = event;
    const { x, y, k } = viewport.peek();
    // A wheel that goes sideways, or is told to.
    if (shiftKey) viewport.value = { k, x: x - (deltaX === 0 ? deltaY : deltaX), y };
    else if (deltaX !== 0 && !ctrlKey) viewport.value = { k, x: x - deltaX, y: y - deltaY };
    else {
      const factor = Math.exp(-deltaY * (ctrlKey ? WHEEL.pinch : WHEEL.step));
      viewport.value = zoomed(viewport.peek(), factor, this.#placeOf(event));
    }
  }

  #down(event: PointerEvent): void {
    if (event.button !== 0 || (event.target as Element).closest('.legend') !== null) return;
    if (this.#pointers.size === 0) this.#isDrag = false;
    this.#pointers.set(event.pointerId, this.#placeOf(event));
  }

  #move(event: PointerEvent): void {
    const before = this.#pointers.get(event.pointerId);
    if (before === undefined) return;
    const place = this.#placeOf(event);
    if (!this.#isDrag && Math.hypot(place.x - before.x, place.y - before.y) < SLIP) return;
    this.#isDrag = true;
    this.#onMoved();
    this.#pointers.set(event.pointerId, place);
    const other = [...this.#pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other === undefined) {
      const { x, y, k } = viewport.peek();
      viewport.value = { k, x: x + place.x - before.x, y: y + place.y - before.y };
    } else viewport.value = zoomed(viewport.peek(), distance(place, other) / distance(before, other), other);
  }
}

function distance(a: Place, b: Place): number {
  return Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
}
