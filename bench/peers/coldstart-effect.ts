/**
 * Five trivial services as Effect Layers and Node's own HTTP server as a scoped sixth, listening; ends as soon as it does.
 */
import { Context, Effect, Layer } from 'effect';
import { createServer, type Server } from 'node:http';

class Settings extends Context.Service<Settings, { readonly name: string }>()('Settings') {
  static readonly layer = Layer.effect(Settings)(Effect.succeed({ name: 'settings' }));
}

class Database extends Context.Service<Database, { readonly settings: string }>()('Database') {
  static readonly layer = Layer.effect(Database)(Effect.map(Settings, ({ name }) => ({ settings: name }))).pipe(
    Layer.provide(Settings.layer),
  );
}

class Cache extends Context.Service<Cache, { readonly settings: string }>()('Cache') {
  static readonly layer = Layer.effect(Cache)(Effect.map(Settings, ({ name }) => ({ settings: name }))).pipe(
    Layer.provide(Settings.layer),
  );
}

class Threads extends Context.Service<Threads, { readonly uses: readonly string[] }>()('Threads') {
  static readonly layer = Layer.effect(Threads)(
    Effect.gen(function* () {
      const [database, cache] = [yield* Database, yield* Cache];
      return { uses: [database.settings, cache.settings] };
    }),
  ).pipe(Layer.provide([Database.layer, Cache.layer]));
}

class Names extends Context.Service<Names, { readonly settings: string }>()('Names') {
  static readonly layer = Layer.effect(Names)(Effect.map(Settings, ({ name }) => ({ settings: name }))).pipe(
    Layer.provide(Settings.layer),
  );
}

class Listening extends Context.Service<Listening, Server>()('Listening') {
  static readonly layer = Layer.effect(Listening)(
    Effect.gen(function* () {
      yield* Threads;
      yield* Names;
      return yield* Effect.acquireRelease(
        Effect.callback<Server>((resume) => {
          const server = createServer((_request, response) => response.end('ok'));
          server.listen(0, '127.0.0.1', () => resume(Effect.succeed(server)));
        }),
        (server) => Effect.sync(() => server.close()),
      );
    }),
  ).pipe(Layer.provide([Threads.layer, Names.layer]));
}

void Effect.runPromise(
  Effect.scoped(
    Effect.andThen(
      Layer.build(Listening.layer),
      Effect.sync(() => process.exit(0)),
    ),
  ),
);
