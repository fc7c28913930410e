/** The flagship: an AI chat that boots in order, opens its gate, and answers from this repository's documentation. */
import { AgentRegistry, AgentSupervisor, ExecutionEngineFactory, ThreadService, ThreadStore } from '@muster/agents';
import { type App, createApp, HealthMonitor, provide, provideValue } from '@muster/core';
import { Authenticator, ConnectionPool, webSocketServer } from '@muster/server';
import { Guide } from './agents/guide.ts';
import { ChatSocket } from './chat-socket.ts';
import { PageDirectory, Pages } from './pages.ts';
import { Database, DatabaseStartMs } from './services/database.ts';
import { DatabaseThreads } from './services/database-threads.ts';
import { DocsIndex, DocsRoot } from './services/docs-index.ts';
import { DataDirectory, TokenAuthenticator } from './services/token-authenticator.ts';

export interface ChatOptions {
  readonly port: number;
  readonly host: string;
  /** Where the key of the tokens is kept. */
  readonly dataDirectory: string;
  /** The checkout whose documentation is searched. */
  readonly docsRoot: string;
  /** Where the built page lies. */
  readonly pageDirectory: string;
  /** How long the stand-in for a database takes to come up, in milliseconds. */
  readonly databaseStartMs: number;
  readonly listen: 'when-open' | 'at-once';
}

export function chatApp(options: ChatOptions): App {
  return createApp({
    services: [
      AgentSupervisor,
      ThreadService,
      ConnectionPool,
      AgentRegistry,
      HealthMonitor,
      ExecutionEngineFactory,
      Database,
      DocsIndex,
      Guide,
      ChatSocket,
      Pages,
      provide(ThreadStore, DatabaseThreads),
      provide(Authenticator, TokenAuthenticator),
      provideValue(DatabaseStartMs, options.databaseStartMs),
      provideValue(DataDirectory, options.dataDirectory),
      provideValue(DocsRoot, options.docsRoot),
      provideValue(PageDirectory, options.pageDirectory),
    ],
    server: webSocketServer({ port: options.port, host: options.host, listen: options.listen }),
  });
}
