/** Two copies of a package in one process: what the other one made is taken for what it is, or refused at boot. */
import { describe, expect, it } from '@jest/globals';
import { MusterError } from '@muster/contracts';
import { BootstrapError, createApp, service, type Token, token } from '@muster/core';

/** What a second copy of a module would export. */
async function secondCopy<T>(path: string): Promise<T> {
  return (await import(`${path}?copy=2`)) as T;
}

describe('a second copy', () => {
  it('of the contracts makes errors that are known', async () => {
    const other = await secondCopy<{ MusterError: typeof MusterError }>('../../contracts/src/muster-error.ts');
    expect(other.MusterError).not.toBe(MusterError);
    const error = new other.MusterError('GATE_CLOSED', { message: 'm', hint: 'h' });
    expect(error instanceof MusterError).toBe(true);
    expect(error instanceof BootstrapError).toBe(false);
    for (const strange of [new Error('no'), { code: 'GATE_CLOSED' }, null, 'no'])
      expect(strange instanceof MusterError).toBe(false);
  });

  it('of the core declares classes that are refused at boot, by name', async () => {
    const other = await secondCopy<{ service: typeof service }>('../src/declare/service.ts');
    expect(other.service).not.toBe(service);
    const declaration = await secondCopy<{ declareClass: (...of: unknown[]) => void }>('../src/declare/declaration.ts');
    class Database {}
    declaration.declareClass(Database, { kind: 'service', options: {}, tag: undefined }, [], () => undefined);
    await expect(createApp({ services: [Database] }).start()).rejects.toMatchObject({
      details: { problems: [{ code: 'OTHER_COPY', nodes: ['Database'] }] },
    });
  });

  it('of a token is told from one that nobody provides', async () => {
    interface Store {}
    const mine: Token<Store> = token<Store>('Store');
    const theirs: Token<Store> = token<Store>('Store');
    @service({ dependsOn: [theirs] })
    class Chat {
      constructor(_: Store) {}
    }
    @service()
    class MemoryStore {}
    const services = [Chat, { provides: mine, by: { class: MemoryStore } }];
    await expect(createApp({ services }).start()).rejects.toMatchObject({
      details: { problems: [{ code: 'MISSING', hint: expect.stringMatching(/^There is another Store/) }] },
    });
  });
});
