/** Handwritten with a careful end: what was made is disposed of in reverse, awaited, also after a throw. */
import * as shapes from './shapes.ts';
import { measure } from './trial.ts';

const settings = new shapes.Settings();
const pool = new shapes.Pool();
const journal = new shapes.Journal();

await measure({
  userOf: (user) => ({ user }),
  disposed: () => journal.disposed,
  rootOf: ({ root }) => root,
  close: ({ close }) => close(),
  open: (user: shapes.User) => {
    let transaction: shapes.Transaction | undefined;
    let cache: shapes.Cache | undefined;
    const close = async (): Promise<void> => {
      try {
        cache?.dispose();
      } finally {
        await transaction?.dispose();
      }
    };
    try {
      const notes = new shapes.Notes();
      const access = new shapes.Access(user);
      transaction = new shapes.Transaction(pool, journal);
      cache = new shapes.Cache(settings, access, journal);
      const threads = new shapes.Threads(transaction, cache);
      const messages = new shapes.Messages(transaction, notes);
      const tools = new shapes.Tools(settings, user, threads, messages, notes);
      return { root: new shapes.Root(pool, user, tools, threads, cache), close };
    } catch (error) {
      void close();
      throw error;
    }
  },
});
