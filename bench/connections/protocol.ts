/**
 * What the processes of the benches of connections tell each other.
 */
export type Contender = 'raw' | 'muster';

/** What the clients are told to do; they answer when it is done. */
export interface Task {
  /** So many connections are opened, and closed as soon as they are welcome. */
  readonly handshakes?: number;
  /** So many are opened and stay. */
  readonly hold?: number;
  /** How many are on their way at the same time. */
  readonly concurrency: number;
}

/** What the server is asked for. */
export interface Question {
  /** Answers when so many connections are open. */
  readonly connections: number;
}

/** What it answers. */
export interface Usage {
  /** CPU of its whole process until now. */
  readonly cpuUs: number;
  /** After the garbage collection, where that is exposed. */
  readonly rssBytes: number;
  readonly heapBytes: number;
}
