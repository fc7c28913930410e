/** Tells those who listen instead of look: moves of app, gates and connection, politely and once each. */
import { computed } from '@preact/signals';
import { backend } from '../live/backend.ts';
import { link } from '../live/feed.ts';

/** One text that stays the same while nothing of importance changes: a screen reader speaks when it turns. */
const spoken = computed(() => {
  if (link.value.state === 'locked') return 'This inspector asks for its token.';
  if (link.value.state === 'lost') return 'Disconnected. What is shown is as it was.';
  const graph = backend.graph.value;
  if (graph === null) return 'Connecting.';
  const gates = backend.gates.value.map(({ name, state, blockedBy }) =>
    blockedBy.length > 0
      ? `Gate ${name} ${state} because of ${blockedBy.slice(0, 3).join(', ')}.`
      : `Gate ${name} ${state}.`,
  );
  const { bad } = backend.census.value;
  return [`App ${graph.state}.`, ...gates, bad > 0 ? `${bad} unhealthy.` : ''].join(' ');
});

export function Announcer() {
  return (
    <p class="unseen" aria-live="polite" role="status">
      {spoken.value}
    </p>
  );
}
