/** Handwritten: the constructors alone, which is the least that anybody could pay. */
import * as shapes from './shapes.ts';

// Named otherwise than parameters are, which a bundler would rename then, and one of the peers reads their names.
const ownSettings = new shapes.Settings();
const ownPool = new shapes.Pool();
const ownJournal = new shapes.Journal();

export function open(user: shapes.User): shapes.Root {
  const notes = new shapes.Notes();
  const access = new shapes.Access(user);
  const transaction = new shapes.Transaction(ownPool, ownJournal);
  const cache = new shapes.Cache(ownSettings, access, ownJournal);
  const threads = new shapes.Threads(transaction, cache);
  const messages = new shapes.Messages(transaction, notes);
  const tools = new shapes.Tools(ownSettings, user, threads, messages, notes);
  return new shapes.Root(ownPool, user, tools, threads, cache);
}
