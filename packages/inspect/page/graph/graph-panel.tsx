/** Beside the graph: all about the service that is chosen in it. */
import { useEffect, useRef } from 'preact/hooks';
import { ServiceDetail } from '../services/service-detail.tsx';
import { go, route } from '../shell/route.ts';

/** Who has opened the panel with a key goes on in it; a pointer stays where it is. */
let wantsFocus = false;

export function openPanel(id: string, byKey: boolean): void {
  wantsFocus = byKey;
  go('graph', id);
}

export function GraphPanel({ id }: { readonly id: string }) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    panel.current?.scrollTo(0, 0);
    if (wantsFocus) panel.current?.focus();
    wantsFocus = false;
  }, [id]);
  return (
    <aside
      class="panel"
      ref={panel}
      tabIndex={-1}
      aria-label={`About ${id}`}
      data-scrolls
      onKeyDown={({ key }) => {
        if (key === 'Escape') closePanel(panel.current?.closest('.graph') ?? null);
      }}
    >
      <button class="close plain" type="button" onClick={() => closePanel(panel.current?.closest('.graph') ?? null)}>
        Close
      </button>
      <ServiceDetail id={id} />
    </aside>
  );
}

/** Closes the panel, and goes back to the node that it was about. */
export function closePanel(graph: Element | null): void {
  const id = route.peek().id ?? '';
  go('graph');
  graph?.querySelector<HTMLElement>(`[data-id="${CSS.escape(id)}"]`)?.focus({ preventScroll: true });
}
