/** What has happened lately, the newest first; with a filter for what went wrong. */
import { computed, signal } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { Filter, soughtIn } from '../parts/filter.tsx';
import { Glyph } from '../parts/glyph.tsx';
import { clockTime, plural } from '../text/amount.ts';

const onlyTrouble = signal(false);
const filter = signal('');

const found = computed(() => {
  const text = soughtIn(filter);
  return backend.news.value
    .filter(({ isTrouble }) => isTrouble || !onlyTrouble.value)
    .filter((line) => `${line.type} ${line.text}`.toLowerCase().includes(text))
    .toReversed();
});

export function NewsView() {
  const lines = found.value;
  return (
    <div class="page" data-scrolls tabIndex={0} role="region" aria-label="News">
      <div class="toolbar">
        <Filter label="Filter news" text={filter} />
        <label class="toggle">
          <input
            type="checkbox"
            checked={onlyTrouble.value}
            onChange={({ currentTarget }) => {
              onlyTrouble.value = currentTarget.checked;
            }}
          />
          Trouble only
        </label>
        <span class="soft num">{plural(lines.length, 'line')}</span>
      </div>
      <ol class="log">
        {lines.map(({ n, at, type, text, isTrouble }) => (
          <li key={n} class={isTrouble ? 'trouble' : ''}>
            <time class="num">{clockTime(at, true)}</time>
            <span class="type">
              {isTrouble && <Glyph standing={{ sign: 'octagon', tone: 'bad' }} />}
              {type}
            </span>
            <span class="text">{text}</span>
          </li>
        ))}
      </ol>
      {lines.length === 0 && <p class="empty">Nothing like that has happened.</p>}
    </div>
  );
}
