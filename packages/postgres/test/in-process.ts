/** PGlite behind the connections of this package: the same SQL and the same Drizzle driver, without a server. */
import type { PGlite, Transaction } from '@electric-sql/pglite';
import type { Connection, Connections } from '@muster/postgres';

type Queries = Pick<PGlite | Transaction, 'query'>;

export function connectionsTo(database: PGlite): Connections {
  return {
    query: (work) => work(connectionOn(database)),
    transaction: (work) => database.transaction((transaction) => work(connectionOn(transaction))),
  };
}

function connectionOn(queries: Queries): Connection {
  return {
    query: async (query, values = []) => {
      const { text, rowMode } = typeof query === 'string' ? { text: query, rowMode: undefined } : query;
      return queries.query(text, values, rowMode === 'array' ? { rowMode } : {});
    },
  };
}
