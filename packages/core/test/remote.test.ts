/** Services that run on other instances, as dependencies. */
import { describe, expect, it } from '@jest/globals';
import {
  Instances,
  optional,
  provide,
  type Ref,
  remote,
  type RemoteService,
  type Service,
  service,
  type StartContext,
  type StopContext,
  token,
  unhealthy,
  healthy,
} from '@muster/core';
import { FakeClock } from '@muster/core/testing';
import { cluster, instanceOn, WATCHED } from './cluster.ts';

interface Mail {
  send(): void;
}
const Mail = token<Mail>('Mail');

@service()
class Mailer implements Service {
  turn: StartContext['report'] = () => {};
  start(ctx: StartContext): void {
    this.turn = (health) => ctx.report(health);
  }
  send(): void {}
}

@service({ dependsOn: [remote(Mail)] })
class Shop {
  readonly mail: RemoteService;
  constructor(mail: RemoteService) {
    this.mail = mail;
  }
}

describe('remote', () => {
  it('is satisfied while another instance offers the token, and its gate follows', async () => {
    const shared = cluster();
    const shop = instanceOn(shared, [Shop]);
    const starting = shop.app.start();
    await shared.clock.advance(5_000);
    expect(shop.node('Shop')).toMatchObject({ phase: 'waiting', blockedBy: ['remote(Mail)'] });
    expect(shop.node('remote(Mail)')).toMatchObject({
      phase: 'running',
      reason: 'no instance offers Mail',
      attempts: 1,
    });
    const post = instanceOn(shared, [provide(Mail, Mailer), Instances]);
    await post.app.start();
    await shared.clock.advance(1_000);
    await starting;
    expect(shop.app.gate.state).toBe('open');
    const { mail } = shop.app.get(Shop);
    expect(mail.instances().map(({ id }) => id)).toEqual([post.app.get(Instances).id]);
    // Unwell, and well again.
    post.app.get(Mailer).turn(unhealthy('no route'));
    await shared.clock.advance(999);
    expect(shop.app.gate.state).toBe('open');
    await shared.clock.advance(1);
    expect([shop.app.gate.state, mail.anyHealthy(), shop.app.gate.blockedBy]).toEqual([
      'closed',
      false,
      ['remote(Mail)'],
    ]);
    post.app.get(Mailer).turn(healthy);
    await shared.clock.advance(4_000);
    expect(shop.app.gate.state).toBe('open');
    // Stopped in order, at once.
    await post.stop();
    expect(shop.app.gate.state).toBe('closed');
    await shop.stop();
  });

  it('believes in an instance that has died until its lease and margin are over', async () => {
    const shared = cluster();
    const post = instanceOn(shared, [provide(Mail, Mailer), Instances]);
    await post.app.start();
    await shared.clock.advance(1_000);
    const shop = instanceOn(shared, [Shop]);
    await shop.app.start();
    expect(shop.app.gate.state).toBe('open');
    post.kill();
    await shared.clock.advance(WATCHED - 6_000);
    expect(shop.app.gate.state).toBe('open');
    await shared.clock.advance(11_000);
    expect(shop.app.gate.state).toBe('closed');
    await shop.stop();
  });

  it('is offered no more by an instance that is stopping, however long that takes', async () => {
    @service({ dependsOn: [Mailer] })
    class Queue implements Service {
      constructor(_: Mailer) {}
      drain({ signal }: StopContext): Promise<void> {
        return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
      }
    }
    const shared = cluster();
    const post = instanceOn(shared, [provide(Mail, Mailer), Queue, Instances]);
    await post.app.start();
    await shared.clock.advance(1_000);
    const shop = instanceOn(shared, [Shop]);
    await shop.app.start();
    const stopping = post.app.stop();
    await shared.clock.advance(1_500);
    expect([post.node('Mailer').phase, shop.app.gate.state]).toEqual(['running', 'closed']);
    await shared.clock.advance(9_000);
    await stopping;
    await shop.stop();
  });

  it('closes the gate of an instance that hears of nobody any more', async () => {
    const shared = cluster();
    const post = instanceOn(shared, [provide(Mail, Mailer), Instances]);
    await post.app.start();
    await shared.clock.advance(1_000);
    const shop = instanceOn(shared, [Shop]);
    await shop.app.start();
    shop.cut();
    await shared.clock.advance(WATCHED + 5_000);
    expect(shop.app.gate.state).toBe('closed');
    shop.mend();
    await Promise.all([shop.stop(), post.stop()]);
  });

  it('counts what this instance offers itself, on a store of its own as well', async () => {
    const clock = new FakeClock();
    const alone = instanceOn({ ...cluster({ isShared: false }), clock }, [Shop, provide(Mail, Mailer)]);
    await alone.app.start();
    expect(alone.app.gate.state).toBe('open');
    alone.app.get(Mailer).turn(unhealthy('no route'));
    await clock.settle();
    expect([alone.app.gate.state, alone.app.gate.blockedBy]).toEqual(['closed', ['Mailer', 'remote(Mail)']]);
    const stopping = alone.app.stop();
    await clock.advance(9_000);
    await stopping;
  });

  it('can be optional, so that two instances can need each other', async () => {
    @service({ dependsOn: [optional(remote(Mail))] })
    class Billing {
      readonly mail: Ref<RemoteService>;
      constructor(mail: Ref<RemoteService>) {
        this.mail = mail;
      }
    }
    const shared = cluster();
    @service({ dependsOn: [optional(remote(Billing))] })
    class Letters {
      constructor(_: Ref<RemoteService>) {}
      send(): void {}
    }
    const one = instanceOn(shared, [Billing]);
    await one.app.start();
    expect(one.app.gate.state).toBe('open');
    expect([one.app.get(Billing).mail.current, one.node('Billing').degradedBy]).toEqual([undefined, ['remote(Mail)']]);
    await shared.clock.advance(1_000);
    const two = instanceOn(shared, [provide(Mail, Letters)]);
    await two.app.start();
    expect(two.node('Letters').degradedBy).toEqual([]);
    await shared.clock.advance(1_000);
    expect(one.app.get(Billing).mail.current?.anyHealthy()).toBe(true);
    expect(one.node('Billing').degradedBy).toEqual([]);
    await Promise.all([one.stop(), two.stop()]);
  });

  it('fails the boot with its name when nobody offers it in time', async () => {
    const shared = cluster();
    const shop = instanceOn(shared, [Shop], { boot: { budgetMs: 3_000 } });
    const starting = expect(shop.app.start()).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: {
        causes: [{ service: 'remote(Mail)', description: expect.stringContaining('no instance offers Mail') }],
      },
    });
    await shared.clock.advance(13_000);
    await starting;
  });
});
