/** Light or dark: as the system says, or as somebody has chosen here, which is remembered. */
import { computed, effect, signal } from '@preact/signals';

type Theme = 'light' | 'dark';

const KEY = 'muster.theme';
const system = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(system.matches);
const chosen = signal<Theme | null>(remembered());

export const theme = computed<Theme>(() => chosen.value ?? (systemIsDark.value ? 'dark' : 'light'));

/** A browser may forbid storage; then the choice lasts as long as the page. */
function remembered(): Theme | null {
  try {
    const known = localStorage.getItem(KEY);
    return known === 'light' || known === 'dark' ? known : null;
  } catch {
    return null;
  }
}

export function toggleTheme(): void {
  chosen.value = theme.peek() === 'dark' ? 'light' : 'dark';
  try {
    localStorage.setItem(KEY, chosen.peek() as Theme);
  } catch {
    // Not remembered, see above.
  }
}

export function applyTheme(): void {
  system.addEventListener('change', ({ matches }) => {
    systemIsDark.value = matches;
  });
  effect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  });
}
