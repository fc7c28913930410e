/** Starts the page: theme, address, feed, clock, and what is drawn of them. */
import { render } from 'preact';
import { App } from './app.tsx';
import { backend } from './live/backend.ts';
import { follow, link } from './live/feed.ts';
import { tick } from './live/server-clock.ts';
import { followAddress } from './shell/route.ts';
import { applyTheme } from './shell/theme.ts';

const calm = matchMedia('(prefers-reduced-motion: reduce)');

applyTheme();
followAddress();
follow(null);
tick(() => {
  if (link.peek().state !== 'live') return 'still';
  return backend.isBooting.peek() && !calm.matches ? 'fast' : 'calm';
});
render(<App />, document.getElementById('page') as HTMLElement);
