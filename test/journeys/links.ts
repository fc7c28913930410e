/** The links between a request and its first event, and how to take each out of a running app. */
import { agent, type Agent, type AgentContext, AgentSupervisor, KeyValueThreadStore } from '@muster/agents';
import {
  EventLog,
  type Health,
  healthy,
  KeyValueStore,
  principalOf,
  Scopes,
  sleep,
  systemClock,
  service,
  type Service,
  type StartContext,
  unhealthy,
} from '@muster/core';
import { Authenticator, serverError } from '@muster/server';
import { wholeApp } from './whole-app.ts';

export const SECRET = 'hunter2-at-/srv/app/db.ts';
export const broken = (): Promise<never> => Promise.reject(new Error(SECRET));

/** What the parts of the app do when a test has said so. */
export const out = { constructor: false, authenticator: '' as '' | 'verdict' | 'throws' };

@agent({ name: 'answering', description: 'answers' })
class Answering implements Agent {
  constructor() {
    if (out.constructor) throw new Error(SECRET);
  }
  run({ text }: { text: string }, ctx: AgentContext) {
    ctx.output('well, ');
    return { finalResponse: text };
  }
}

@service()
class Database implements Service {
  #report: ((health: Health) => void) | undefined;
  start(ctx: StartContext): void {
    this.#report = (health) => ctx.report(health);
  }
  check(): Health {
    return healthy;
  }
  say(health: Health): void {
    this.#report?.(health);
  }
}

@service()
class Door implements Authenticator {
  authenticate({ token }: { token: string }) {
    if (out.authenticator === 'verdict') throw serverError('TOKEN_INVALID', { reason: 'it is none of ours' });
    if (out.authenticator === 'throws') throw new Error(SECRET);
    return { user: token };
  }
}

export type Whole = Awaited<ReturnType<typeof wholeApp>>;

/** Puts something in the place of a method; what it returns puts the method back. */
export function instead<T extends object, K extends keyof T>(
  part: T,
  method: K,
  replacement: (whole: T[K]) => T[K],
): () => void {
  const whole = part[method];
  part[method] = replacement((whole as () => unknown).bind(part) as T[K]);
  return () => {
    part[method] = whole;
  };
}

export const log = (test: Whole): EventLog => test.app.get(EventLog);
export const store = (test: Whole): KeyValueStore => test.app.get(KeyValueStore);
export const threads = (test: Whole): KeyValueThreadStore => test.app.get(KeyValueThreadStore);

/** Fails for keys that begin so. */
const failingFor =
  (prefix: string) =>
  (whole: KeyValueStore['create']): KeyValueStore['create'] =>
  (key, ...rest) =>
    key.startsWith(prefix) ? broken() : whole(key, ...rest);

type PutBack = () => void | Promise<void>;

interface Link {
  /** Takes it out of a running app; what it returns puts it back. */
  take(test: Whole): PutBack | Promise<PutBack>;
  readonly code: string;
  /** False where the same request is refused for ever. */
  readonly mayRepeat: boolean;
}

export const links: [string, Link][] = [
  [
    'the agent cannot be made',
    {
      take: () => {
        out.constructor = true;
        return () => {
          out.constructor = false;
        };
      },
      code: 'INTERNAL',
      mayRepeat: true,
    },
  ],
  [
    'the supervisor accepts nothing any more',
    {
      take: async (test) => {
        const supervisor = test.app.get(AgentSupervisor);
        await supervisor.stop();
        return () => void supervisor.start();
      },
      code: 'NOT_ACCEPTING',
      mayRepeat: true,
    },
  ],
  [
    'the user has as many scopes as one may have',
    {
      take: async (test) => {
        const permit = await test.app.gate.enter();
        const scopes = Array.from({ length: 3 }, (_, i) =>
          test.app.get(Scopes).open('run', {
            permit,
            principal: principalOf('token:ann'),
            run: { run: `${i}`, thread: 't' },
            signal: new AbortController().signal,
          }),
        );
        return () => void Promise.all(scopes.map((scope) => scope.close()));
      },
      code: 'SCOPE_LIMIT',
      mayRepeat: true,
    },
  ],
  [
    'the log rejects',
    { take: (test) => instead(log(test), 'append', () => broken), code: 'APPEND_FAILED', mayRepeat: true },
  ],
  [
    'the log throws',
    {
      take: (test) =>
        instead(log(test), 'append', () => () => {
          throw new Error(SECRET);
        }),
      code: 'APPEND_FAILED',
      mayRepeat: true,
    },
  ],
  [
    'the log does not say where a stream stands',
    { take: (test) => instead(log(test), 'info', () => broken), code: 'INTERNAL', mayRepeat: true },
  ],
  [
    'the store does not say what was asked before',
    { take: (test) => instead(store(test), 'get', () => broken), code: 'INTERNAL', mayRepeat: true },
  ],
  [
    'the store does not remember the run',
    { take: (test) => instead(store(test), 'create', failingFor('runs/')), code: 'INTERNAL', mayRepeat: true },
  ],
  [
    'the store does not remember the request',
    { take: (test) => instead(store(test), 'create', failingFor('requests/')), code: 'INTERNAL', mayRepeat: true },
  ],
  [
    'the store remembers late, and the client cannot be told',
    {
      take: (test) => {
        const remembering: Promise<unknown>[] = [];
        const remember = instead(store(test), 'create', (whole) => (key, ...rest) => {
          if (!key.startsWith('runs/')) return whole(key, ...rest);
          const created = sleep(systemClock, 50).then(async () => whole(key, ...rest));
          remembering.push(created);
          return created;
        });
        const follow = instead(log(test), 'subscribe', () => () => {
          throw new Error(SECRET);
        });
        return async () => {
          remember();
          follow();
          await Promise.all(remembering);
        };
      },
      code: 'INTERNAL',
      mayRepeat: true,
    },
  ],
  [
    'log and store fail, so that what was remembered cannot be taken back',
    {
      take: (test) => {
        const appending = instead(log(test), 'append', () => broken);
        const deleting = instead(store(test), 'delete', () => broken);
        return () => {
          appending();
          deleting();
        };
      },
      code: 'APPEND_FAILED',
      mayRepeat: true,
    },
  ],
  ...(['open', 'messages', 'add'] as const).map((method): [string, Link] => [
    `the thread store fails at ${method}()`,
    { take: (test) => instead(threads(test), method, () => broken as never), code: 'INTERNAL', mayRepeat: true },
  ]),
  [
    'the gate has closed',
    {
      take: async (test) => {
        const database = test.app.get(Database);
        database.say(unhealthy('it is gone'));
        return () => database.say(healthy);
      },
      code: 'NOT_SERVING',
      mayRepeat: true,
    },
  ],
  [
    'the gate closes while the question is being stored',
    {
      take: (test) => {
        const database = test.app.get(Database);
        const restore = instead(threads(test), 'add', (whole) => async (...call) => {
          database.say(unhealthy('it is gone'));
          return whole(...call);
        });
        return () => {
          restore();
          database.say(healthy);
        };
      },
      code: 'PERMIT_DEAD',
      mayRepeat: true,
    },
  ],
];

/** An app of them, in memory: what is asked is what its parts do. */
export async function withLinks(): Promise<Whole> {
  return wholeApp({
    services: [Answering, Database],
    stores: [],
    authenticator: Door,
    app: { scopes: { perUser: { run: 3 } }, gate: { dwellMs: 1 } },
  });
}
