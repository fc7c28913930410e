/** How long ago something was, ticking by the server's clock. */
import { now } from '../live/server-clock.ts';
import { elapsed } from '../text/amount.ts';

export function Since({ at }: { readonly at: number }) {
  return <span class="num">{elapsed(now.value - at)}</span>;
}
