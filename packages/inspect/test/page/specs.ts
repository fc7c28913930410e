/** Which services a backend has: a shop of thirty, or as many as wanted; the same every time. */
import type { DumpNode } from '@muster/contracts';

export interface Spec {
  readonly id: string;
  readonly needs: readonly string[];
  readonly startMs: number;
  readonly checkMs?: number;
  readonly kind?: DumpNode['kind'];
  readonly tokens?: readonly string[];
  readonly optional?: readonly string[];
  readonly isUnchecked?: boolean;
}

const value = (id: string): Spec => ({ id, needs: [], startMs: 0, kind: 'value' });
const service = (id: string, startMs: number, needs: readonly string[] = [], more: Partial<Spec> = {}): Spec => ({
  id,
  needs,
  startMs,
  checkMs: more.isUnchecked === true ? 0 : 3,
  ...more,
});

/** A shop with agents: what a team of ten would have after two years. */
export const SHOP: readonly Spec[] = [
  value('Clock'),
  value('Settings'),
  service('Secrets', 84, ['Settings'], { isUnchecked: true }),
  service('Metrics', 12, [], { isUnchecked: true }),
  service('Tracing', 31, ['Settings'], { isUnchecked: true }),
  service('Postgres', 412, ['Secrets'], { tokens: ['Database'] }),
  service('Migrations', 188, ['Postgres'], { kind: 'task' }),
  service('Redis', 64, ['Secrets'], { tokens: ['Cache'] }),
  service('Nats', 143, ['Secrets'], { tokens: ['EventLog'] }),
  service('ObjectStore', 96, ['Secrets']),
  service('UserStore', 8, ['Postgres'], { isUnchecked: true }),
  service('ThreadStore', 11, ['Postgres', 'Clock'], { isUnchecked: true }),
  service('OrderStore', 14, ['Postgres', 'Migrations'], { isUnchecked: true }),
  service('Catalogue', 236, ['Postgres', 'Redis', 'Migrations']),
  service('Prices', 122, ['Catalogue', 'Redis'], { optional: ['Redis'] }),
  service('SearchIndex', 341, ['Catalogue', 'ObjectStore']),
  service('Inventory', 72, ['OrderStore', 'Nats']),
  service('Payments', 158, ['Secrets', 'Nats', 'OrderStore']),
  service('Mail', 45, ['Secrets', 'Redis'], { optional: ['Redis'] }),
  service('TokenAuthenticator', 22, ['Secrets', 'UserStore'], { tokens: ['Authenticator'], isUnchecked: true }),
  service('RateLimits', 9, ['Redis'], { isUnchecked: true }),
  service('ModelGateway', 278, ['Secrets', 'RateLimits']),
  service('Recommendations', 94, ['SearchIndex', 'Prices', 'ModelGateway']),
  service('AgentRegistry', 4, ['ModelGateway'], { isUnchecked: true }),
  service('ThreadService', 6, ['ThreadStore', 'Nats'], { isUnchecked: true }),
  service('Checkout', 33, ['Payments', 'Inventory', 'Mail'], { optional: ['Mail'] }),
  service('AgentSupervisor', 18, ['AgentRegistry', 'ThreadService', 'Nats', 'Recommendations']),
  service('ConnectionPool', 3, ['Metrics']),
  service('HealthMonitor', 2),
  { id: 'WebSocketServer', needs: ['TokenAuthenticator', 'ConnectionPool', 'Nats'], startMs: 0, kind: 'factory' },
  { id: 'ShopSocket', needs: ['AgentSupervisor', 'Checkout'], startMs: 6, kind: 'factory' },
  { id: 'HelpAgent', needs: ['Recommendations', 'ThreadService'], startMs: 0, kind: 'scoped' },
];

/** As many as wanted, each needing up to three that came before it, in about ten layers. */
export function manyServices(total: number): Spec[] {
  const rnd = seeded(7);
  const width = Math.ceil(total / 10);
  return Array.from({ length: total }, (_, at) => {
    const layer = Math.floor(at / width);
    const needs = new Set<string>();
    const edges = layer === 0 ? 0 : 1 + Math.floor(rnd() * 3);
    for (let edge = 0; edge < edges; edge += 1) {
      const below = Math.max(0, layer - 1 - Math.floor(rnd() * rnd() * 3));
      needs.add(nameOf(below * width + Math.floor(rnd() * width)));
    }
    return service(nameOf(at), 4 + Math.floor(rnd() * rnd() * 400), [...needs]);
  });
}

const nameOf = (at: number): string => `Service${String(at).padStart(4, '0')}`;

/** The same numbers every time. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
