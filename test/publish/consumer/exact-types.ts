/** What the compiler must still know when it reads the packed declarations alone: exact types, and mistakes as errors. */
import { connect, type Run } from '@muster/client';
import { createApp, service } from '@muster/core';
import { type Session, webSocketFactory } from '@muster/server';

type Is<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

@service()
class Database {
  query(text: string): readonly string[] {
    return [text];
  }
}

@service({ dependsOn: [Database] })
class Orders {
  constructor(readonly database: Database) {}
}

// @ts-expect-error: the constructor takes a Database that dependsOn does not name.
@service()
export class Forgetful {
  constructor(readonly database: Database) {}
}

// @ts-expect-error: Orders is not what the constructor takes.
@webSocketFactory({ path: '/ws', dependsOn: [Orders] })
export class Mistaken {
  constructor(readonly database: Database) {}
  open({ principal }: Session) {
    return { methods: { hello: () => principal.user } };
  }
}

const app = createApp({ services: [Orders, Database] });
const orders = app.get(Orders);
const exact: Is<typeof orders, Orders> = true;

/** Never called: only its types are of interest. */
export async function ask(): Promise<readonly [Run, boolean, string | undefined]> {
  const client = await connect({ url: 'ws://127.0.0.1/ws', token: 'Ann' });
  const run = client.run({ text: 'hello', agent: 'echo' });
  const end: Is<Awaited<typeof run.result>['finalResponse'], string | undefined> = true;
  return [run, exact && end, (await run.result).finalResponse];
}
