/** What became of every event: appended = acknowledged + pending + expired, and a loud word when that is not so. */
import { backend } from '../live/backend.ts';
import { count } from '../text/amount.ts';
import { ShareBar } from './share-bar.tsx';

export function DeliveryAccount() {
  const account = backend.delivery.value;
  if (account === null) return null;
  const { appended, acknowledged, pending, expired } = account;
  const missing = appended - acknowledged - pending - expired;
  return (
    <section class="card">
      <header>
        <h3>Delivery</h3>
        {missing === 0 ? (
          <span class="mark good">adds up</span>
        ) : (
          <span class="mark bad">
            {missing > 0 ? `${count(missing)} are unaccounted for` : `${count(-missing)} too many`}
          </span>
        )}
      </header>
      <p class="sum num">
        <b>{count(appended)}</b> <span>appended</span> = <b>{count(acknowledged)}</b> <span>acknowledged</span> +{' '}
        <b>{count(pending)}</b> <span>pending</span> + <b>{count(expired)}</b> <span>expired</span>
      </p>
      <ShareBar
        shares={[
          { name: 'acknowledged', value: acknowledged, hue: 'hue-good' },
          { name: 'pending', value: pending, hue: 'hue-busy' },
          { name: 'expired', value: expired, hue: 'hue-bad' },
        ]}
      />
    </section>
  );
}
