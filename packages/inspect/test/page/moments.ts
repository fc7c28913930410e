/** What the live page is shown in tests: the shop an hour after its boot, when something was lost, and in several instances. */
import type { InstanceLine, Overview } from '../../src/live/overview.ts';
import { FakeBackend, type Moment } from './backends.ts';
import { SHOP } from './specs.ts';
import { withTraffic } from './traffic.ts';

export const HOUR = 3_600_000;

/** Started so many milliseconds ago. */
export const shop = (ago: number): FakeBackend => new FakeBackend(SHOP, Date.now() - ago);

export const LOST: NonNullable<Moment['lost']> = {
  id: 'Nats',
  reason: 'no answer to PING',
  hint: 'See whether nats:4222 is reachable.',
  atMs: HOUR - 60_000,
};

export const running = (): Overview => withTraffic(shop(HOUR).overview({ at: HOUR }), 312);

export const withLoss = (): Overview => withTraffic(shop(HOUR).overview({ at: HOUR, lost: LOST }), 312);

const instance = (id: string, isSelf: boolean): InstanceLine => ({
  id,
  isSelf,
  address: 'http://10.0.0.7:8080',
  version: '2.14.0',
  startedAt: Date.now() - HOUR,
  unhealthy: isSelf ? [] : ['Nats'],
  load: { connections: 140, runs: 3 },
});
/** This one, and another that has lost something. */
export const TWO = [instance('one', true), instance('two', false)];
