/**
 * Eight services of six shapes that live as long as a scope: by the number and the kind of what they are made of.
 *
 * Everybody has the same classes; who declares them in an own way derives from these.
 */

/** Singletons that all scopes share. */
export class Settings {
  readonly name = 'bench';
}
export class Pool {
  readonly size = 10;
}
export class Journal {
  disposed = 0;
}

/** Who a scope belongs to. */
export interface User {
  readonly user: string;
}

/** No arguments. */
export class Notes {
  count = 0;
}

/** The value of the scope. */
export class Access {
  constructor(readonly user: User) {}
}

/** A singleton, and a disposal that is awaited. */
export class Transaction {
  constructor(
    readonly pool: Pool,
    readonly journal: Journal,
  ) {}
  async dispose(): Promise<void> {
    this.journal.disposed += 1;
  }
}

/** Another that is disposed of, synchronously. */
export class Cache {
  constructor(
    readonly settings: Settings,
    readonly access: Access,
    readonly journal: Journal,
  ) {}
  dispose(): void {
    this.journal.disposed += 1;
  }
}

/** Scoped ones alone; two of this shape. */
export class Threads {
  constructor(
    readonly transaction: Transaction,
    readonly cache: Cache,
  ) {}
}
export class Messages {
  constructor(
    readonly transaction: Transaction,
    readonly notes: Notes,
  ) {}
}

/** Many arguments of all kinds; two of this shape, the last of which is asked for. */
export class Tools {
  constructor(
    readonly settings: Settings,
    readonly user: User,
    readonly threads: Threads,
    readonly messages: Messages,
    readonly notes: Notes,
  ) {}
}
export class Root {
  constructor(
    readonly pool: Pool,
    readonly user: User,
    readonly tools: Tools,
    readonly threads: Threads,
    readonly cache: Cache,
  ) {}
}

/** How often something is disposed of in a scope. */
export const DISPOSALS = 2;
