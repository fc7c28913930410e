/** How long ago something was, and how long it takes until it is, ticking by the server's clock. */
import { now } from '../live/server-clock.ts';
import { elapsed } from '../text/amount.ts';

export function Until({ at }: { readonly at: number }) {
  return <span class="num">{elapsed(Math.max(0, at - now.value))}</span>;
}

export function Since({ at }: { readonly at: number }) {
  return <span class="num">{elapsed(now.value - at)}</span>;
}
