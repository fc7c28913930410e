/** Parts of a whole as one bar, with their numbers below it unless they stand elsewhere: the numbers say everything, the bar shows it. */
import { count } from '../text/amount.ts';

export interface Share {
  readonly name: string;
  readonly value: number;
  /** A class of style/views.css, which has its colour. */
  readonly hue: string;
}

export function ShareBar({ shares, isBare = false }: { readonly shares: readonly Share[]; readonly isBare?: boolean }) {
  const total = shares.reduce((sum, { value }) => sum + value, 0);
  return (
    <div class="shares">
      <div class="share-bar" aria-hidden="true">
        {shares
          .filter(({ value }) => value > 0)
          .map(({ name, value, hue }) => (
            <i key={name} class={hue} style={{ flexGrow: String(value / total) }} />
          ))}
      </div>
      {!isBare && (
        <dl class="share-list">
          {shares.map(({ name, value, hue }) => (
            <div key={name}>
              <dt>
                <i class={hue} />
                {name}
              </dt>
              <dd class="num">{count(value)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  );
}
