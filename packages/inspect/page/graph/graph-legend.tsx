/** What signs and lines mean; only those that can be in sight. */
import { Glyph } from '../parts/glyph.tsx';
import { standingOf } from '../standing.ts';

const SHOWN = [
  ['running', 'healthy', 'healthy'],
  ['running', 'unchecked', 'running, has no check'],
  ['running', 'degraded', 'degraded'],
  ['running', 'unhealthy', 'unhealthy'],
  ['starting', '', 'starting'],
  ['waiting', '', 'waiting'],
  ['backoff', '', 'failed, tried again'],
  ['failed', '', 'failed'],
  ['skipped', '', 'skipped'],
  ['stopped', '', 'stopped'],
] as const;

export function GraphLegend() {
  return (
    <details class="legend">
      <summary>Legend</summary>
      <ul>
        {SHOWN.map(([phase, health, text]) => (
          <li key={text}>
            <Glyph standing={standingOf({ phase, health })} />
            {text}
          </li>
        ))}
        <li>
          <i class="stroke critical" />
          critical path
        </li>
        <li>
          <i class="stroke trouble" />
          because of a root cause
        </li>
        <li>
          <i class="stroke faint" />
          can do without, or order only
        </li>
      </ul>
    </details>
  );
}
