/** What the store and the migrations use of a connection: little enough that any driver with SQL and parameters can give it. */

/** One connection, as long as the work has it. What it rejects with is of this package's catalogue. */
export interface Connection {
  query(
    query: string | { readonly text: string; readonly rowMode?: string },
    values?: unknown[],
  ): Promise<{ readonly rows: readonly unknown[]; readonly command?: string | undefined }>;
}

/** Connections by their use. */
export interface Connections {
  /** Gives one connection to `work`; each statement is a transaction of its own. */
  query<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /**
   * Gives one connection to `work`, all of whose statements are one transaction: all is kept when it resolves, and nothing
   * when `work` rejects.
   *
   * @param options `callMs`: time for all of it. @default callMs of the settings
   */
  transaction<T>(work: (connection: Connection) => Promise<T>, options?: { readonly callMs?: number }): Promise<T>;
}
