/** An account for a feed that is tested alone. */
import { Ledger, type StreamAccount } from '../src/delivery/ledger.ts';

export function accounted(): { readonly account: StreamAccount; readonly acknowledges: true } {
  return { account: new Ledger().follow('s', 'connection'), acknowledges: true };
}
