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
      <p class="equation num">
        <Term value={appended} name="appended" /> = <Term value={acknowledged} name="acknowledged" /> +{' '}
        <Term value={pending} name="pending" /> + <Term value={expired} name="expired" />
      </p>
      <ShareBar
        isBare
        shares={[
          { name: 'acknowledged', value: acknowledged, hue: 'hue-good' },
          { name: 'pending', value: pending, hue: 'hue-busy' },
          { name: 'expired', value: expired, hue: 'hue-bad' },
        ]}
      />
    </section>
  );
}

function Term({ value, name }: { readonly value: number; readonly name: string }) {
  return (
    <span class="term">
      <b>{count(value)}</b> <span>{name}</span>
    </span>
  );
}
