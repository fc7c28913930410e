/** Handwritten: the constructors alone, which is the least that anybody could pay. */
import * as shapes from './shapes.ts';

const settings = new shapes.Settings();
const pool = new shapes.Pool();
const journal = new shapes.Journal();

export function open(user: shapes.User): shapes.Root {
  const notes = new shapes.Notes();
  const access = new shapes.Access(user);
  const transaction = new shapes.Transaction(pool, journal);
  const cache = new shapes.Cache(settings, access, journal);
  const threads = new shapes.Threads(transaction, cache);
  const messages = new shapes.Messages(transaction, notes);
  const tools = new shapes.Tools(settings, user, threads, messages, notes);
  return new shapes.Root(pool, user, tools, threads, cache);
}
