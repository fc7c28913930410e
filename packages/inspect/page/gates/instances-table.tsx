/** All instances of the app: which is looked at, what is not healthy on each, and how much each has to do. */
import type { InstanceLine } from '../../src/live/overview.ts';
import { backend } from '../live/backend.ts';
import { follow, shown } from '../live/feed.ts';
import { Glyph } from '../parts/glyph.tsx';
import { Since } from '../parts/since.tsx';
import { count } from '../text/amount.ts';

export function InstancesTable() {
  const instances = backend.instances.value;
  if (instances.length < 2) return null;
  return (
    <>
      <h3 class="section">Instances</h3>
      <table aria-label="Instances">
        <thead>
          <tr>
            <th scope="col">Instance</th>
            <th scope="col" class="fills">
              Not healthy
            </th>
            <th scope="col" class="optional">
              Load
            </th>
            <th scope="col" class="optional">
              Version
            </th>
            <th scope="col" class="optional">
              Address
            </th>
            <th scope="col" class="num">
              For
            </th>
          </tr>
        </thead>
        <tbody>
          {instances.map((instance) => (
            <Row key={instance.id} instance={instance} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Row({
  instance: { id, isSelf, unhealthy, load, version, address, startedAt },
}: {
  readonly instance: InstanceLine;
}) {
  const isShown = shown.value === id || (shown.value === null && isSelf);
  const standing =
    unhealthy.length > 0 ? ({ sign: 'octagon', tone: 'bad' } as const) : ({ sign: 'disc', tone: 'good' } as const);
  return (
    <tr class={isShown ? 'chosen' : ''}>
      <th scope="row">
        <button class="row-button" type="button" aria-pressed={isShown} onClick={() => follow(isSelf ? null : id)}>
          {id}
        </button>
      </th>
      <td class="fills">
        <span class="mark">
          <Glyph standing={standing} />
          {unhealthy.length > 0 ? unhealthy.join(', ') : 'none'}
        </span>
      </td>
      <td class="optional">
        {Object.entries(load)
          .map(([name, value]) => `${name} ${count(value)}`)
          .join(', ')}
      </td>
      <td class="optional">{version}</td>
      <td class="optional">{address}</td>
      <td class="num">
        <Since at={startedAt} />
      </td>
    </tr>
  );
}
