/** Where one is on the page, as the hash of its address: `#/services/Database`. A link is all that moves it. */
import { signal } from '@preact/signals';

export const VIEWS = ['graph', 'timeline', 'services', 'gates', 'connections', 'runs', 'news'] as const;
export type View = (typeof VIEWS)[number];

export interface Route {
  readonly view: View;
  /** What of the view is looked at: a service, a run; `null` for all of it. */
  readonly id: string | null;
}

export function parseRoute(hash: string): Route {
  const [, name = '', ...rest] = hash.split('/');
  const view = VIEWS.find((each) => each === name) ?? 'graph';
  const id = decoded(rest.join('/'));
  return { view, id: id === '' ? null : id };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function hrefOf(view: View, id: string | null = null): string {
  return id === null ? `#/${view}` : `#/${view}/${encodeURIComponent(id)}`;
}

export const route = signal<Route>({ view: 'graph', id: null });

export function go(view: View, id: string | null = null): void {
  location.hash = hrefOf(view, id);
}

/** Follows the address from now on. */
export function followAddress(): void {
  const read = (): void => {
    route.value = parseRoute(location.hash);
  };
  addEventListener('hashchange', read);
  read();
}
