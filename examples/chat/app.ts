/** The flagship: an AI chat that boots in order, opens its gate, and answers from this repository's documentation. */
import { join } from 'node:path';
import { agents } from '@muster/agents';
import { type App, createApp, HealthMonitor, provide, provideValue } from '@muster/core';
import { inspector } from '@muster/inspect';
import { lmdb } from '@muster/lmdb';
import { Authenticator, ConnectionPool, webSocketServer } from '@muster/server';
import type { LanguageModel } from 'ai';
import { Guide } from './agents/guide.ts';
import { ChatModel, ModelGuide } from './agents/model-guide.ts';
import { ChatSocket } from './chat-socket.ts';
import { PageDirectory, Pages } from './pages.ts';
import { Database, DatabaseStartMs } from './services/database.ts';
import { DatabaseThreads } from './services/database-threads.ts';
import { DocsIndex, DocsRoot } from './services/docs-index.ts';
import { DataDirectory, TokenAuthenticator } from './services/token-authenticator.ts';

export interface ChatOptions {
  readonly port: number;
  readonly host: string;
  /** Where events, keys and the key of the tokens are kept. */
  readonly dataDirectory: string;
  /** The checkout whose documentation is searched. */
  readonly docsRoot: string;
  /** Where the built page lies. */
  readonly pageDirectory: string;
  /** How long the stand-in for a database takes to come up, in milliseconds. */
  readonly databaseStartMs: number;
  /** The model that answers, or its name at the AI gateway. @default none: rules answer, offline */
  readonly model?: LanguageModel | undefined;
  readonly listen: 'when-open' | 'at-once';
  /** Where the app can be looked at, on this machine; 0 takes any free port. */
  readonly inspectPort: number;
  /** How long it can still be looked at when its boot has failed, in milliseconds. */
  readonly holdAfterFailureMs: number;
}

export function chatApp(options: ChatOptions): App {
  return createApp({
    services: [
      ...agents({ threadStore: DatabaseThreads }),
      ConnectionPool,
      HealthMonitor,
      Database,
      DocsIndex,
      ...(options.model === undefined ? [Guide] : [ModelGuide, provideValue(ChatModel, options.model)]),
      ChatSocket,
      Pages,
      ...lmdb({ directory: join(options.dataDirectory, 'data') }),
      provide(Authenticator, TokenAuthenticator),
      provideValue(DatabaseStartMs, options.databaseStartMs),
      provideValue(DataDirectory, options.dataDirectory),
      provideValue(DocsRoot, options.docsRoot),
      provideValue(PageDirectory, options.pageDirectory),
    ],
    server: webSocketServer({ port: options.port, host: options.host, listen: options.listen }),
    inspect: inspector({ port: options.inspectPort, holdAfterFailureMs: options.holdAfterFailureMs }),
  });
}
