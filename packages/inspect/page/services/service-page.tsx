/** The page of one service, for links that should stay. */
import { hrefOf } from '../shell/route.ts';
import { ServiceDetail } from './service-detail.tsx';

export function ServicePage({ id }: { readonly id: string }) {
  return (
    <div class="page" data-scrolls>
      <p class="crumbs">
        <a href={hrefOf('services')}>Services</a> · <a href={hrefOf('graph', id)}>Show in the graph</a>
      </p>
      <ServiceDetail id={id} />
    </div>
  );
}
