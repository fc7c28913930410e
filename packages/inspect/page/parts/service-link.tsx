/** The name of a service as a link to its page, with the sign of how it stands. */
import { backend } from '../live/backend.ts';
import { hrefOf } from '../shell/route.ts';
import { standingOf } from '../standing.ts';
import { Glyph } from './glyph.tsx';

export function ServiceLink({ id }: { readonly id: string }) {
  const node = backend.nodes.row(id)?.value;
  return (
    <a class="service-link" href={hrefOf('services', id)}>
      {node !== undefined && <Glyph standing={standingOf(node)} />}
      <span>{id}</span>
    </a>
  );
}

/** Several, one after the other. */
export function ServiceLinks({ ids }: { readonly ids: readonly string[] }) {
  return (
    <span class="service-links">
      {ids.map((id) => (
        <ServiceLink key={id} id={id} />
      ))}
    </span>
  );
}
