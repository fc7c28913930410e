/**
 * The events of one run as they happen, with the sockets that got them: read from the log, as any client would.
 *
 * Their data stays where it is unless payloads may be seen.
 */
import type { AgentEvent } from '@muster/contracts';
import type { Batch, DeliveryMark, EventLog, InspectedApp, Subscription } from '@muster/core';
import type { Exchange, MarksRead } from './exchange.ts';
import type { RunEventLine, RunEvents, SocketMark } from './overview.ts';
import type { RunAt } from './runs.ts';

/** How often nothing must have been new, after the terminal, for nothing more to be expected. */
const QUIET = 8;
/** Lines that go out at once. */
const LINES = 500;

interface Found {
  readonly event: AgentEvent;
  readonly offset: number;
  readonly sockets: Map<string, { -readonly [K in keyof SocketMark]: SocketMark[K] }>;
}

export class RunEventReader {
  readonly #app: InspectedApp;
  readonly #run: RunAt;
  readonly #payloads: boolean;
  readonly #log: EventLog;
  readonly #subscription: Subscription;
  /** Tells of the sockets of other instances, where there are any. */
  readonly #exchange: Exchange | undefined;
  readonly #read: MarksRead = new Map();
  readonly #stopLooking: (() => void) | undefined;
  /** By their offsets. */
  readonly #found: Found[] = [];
  /** Of which something has to be told. */
  readonly #changed = new Set<Found>();
  /** By its id, how many of `#found` a socket's client had processed. */
  readonly #acked = new Map<string, number>();
  #after: number;
  #marks = 0;
  #isBehind = true;
  #isTaking = false;
  #quiet = 0;

  constructor(app: InspectedApp, log: EventLog, run: RunAt, payloads: boolean, exchange?: Exchange) {
    this.#app = app;
    this.#run = run;
    this.#payloads = payloads;
    this.#log = log;
    this.#exchange = exchange;
    this.#stopLooking = exchange?.lookAt(run.stream);
    this.#after = run.offset === null ? 0 : run.offset - 1;
    this.#subscription = log.subscribe(run.stream, () => {
      this.#isBehind = true;
    });
  }

  /**
   * Lines that are new or otherwise since the last call; undefined where none is, and while an earlier call is not over.
   *
   * @throws what the log throws, where it cannot be read; it is read again with the next call
   */
  async take(): Promise<RunEvents | undefined> {
    if (this.#isTaking) return undefined;
    this.#isTaking = true;
    try {
      const events = await this.#take();
      this.#quiet = events === undefined && this.#hasEnded ? this.#quiet + 1 : 0;
      return events;
    } finally {
      this.#isTaking = false;
    }
  }

  async #take(): Promise<RunEvents | undefined> {
    // In this order: what a mark tells of is in the log by then.
    const marks = this.#app.server?.marksOf(this.#run.stream, this.#marks) ?? [];
    if (this.#isBehind) await this.#readLog();
    const others = (await this.#exchange?.marksOf(this.#run.stream, this.#read, this.#after)) ?? [];
    this.#marks = marks.at(-1)?.n ?? this.#marks;
    for (const mark of [...marks, ...others]) this.#mark(mark);
    const lines = [...this.#changed].slice(0, LINES);
    if (lines.length === 0) return undefined;
    for (const found of lines) this.#changed.delete(found);
    return { run: this.run, events: lines.map((found) => this.#line(found)), isOpen: !this.#hasEnded };
  }

  get run(): string {
    return this.#run.run;
  }

  /** True once, when the run has ended and nothing more of it has been new for a while. */
  get isQuiet(): boolean {
    return this.#quiet === QUIET;
  }

  get #hasEnded(): boolean {
    return this.#found.at(-1)?.event.event === 'agent_completed';
  }

  close(): void {
    this.#subscription.close();
    this.#stopLooking?.();
  }

  async #readLog(): Promise<void> {
    try {
      for (;;) {
        this.#isBehind = false;
        const { batches, floor } = await this.#log.read(this.#run.stream, { after: this.#after });
        this.#after = Math.max(this.#after, floor);
        if (batches.length === 0) return;
        for (const batch of batches) this.#add(batch);
      }
    } catch (error) {
      this.#isBehind = true;
      throw error;
    }
  }

  #add({ offset, count, json }: Batch): void {
    const from = this.#after;
    this.#after = Math.max(from, offset + count - 1);
    // Most of a long thread is of other runs.
    if (!json.includes(this.#run.run)) return;
    const events = JSON.parse(json.toString('utf8')) as AgentEvent[];
    events.forEach((event, i) => {
      if (event.run !== this.#run.run || offset + i <= from) return;
      const found = { event, offset: offset + i, sockets: new Map() };
      this.#found.push(found);
      this.#changed.add(found);
    });
  }

  #mark({ kind, connection, from, to, at }: DeliveryMark): void {
    const end = this.#indexAbove(to);
    if (kind === 'sent') {
      for (let i = this.#indexAbove(from - 1); i < end; i++) {
        const found = this.#found[i] as Found;
        // Sent again it was there before.
        if (found.sockets.has(connection)) continue;
        found.sockets.set(connection, { connection, sentAt: at, ackedAt: null });
        this.#changed.add(found);
      }
      return;
    }
    for (let i = this.#acked.get(connection) ?? 0; i < end; i++) {
      const socket = this.#found[i]?.sockets.get(connection);
      if (socket === undefined || socket.ackedAt !== null) continue;
      socket.ackedAt = at;
      this.#changed.add(this.#found[i] as Found);
    }
    this.#acked.set(connection, end);
  }

  /** Index of the first event above an offset. */
  #indexAbove(offset: number): number {
    let [low, high] = [0, this.#found.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#found[middle] as Found).offset <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #line({ event, offset, sockets }: Found): RunEventLine {
    const data = JSON.stringify(event.data);
    return {
      n: event.n,
      event: event.event,
      at: event.at,
      offset,
      bytes: Buffer.byteLength(data),
      tool: 'toolName' in event.data ? event.data.toolName : null,
      callId: 'callId' in event.data ? event.data.callId : null,
      data: this.#payloads ? data : null,
      sockets: [...sockets.values()].map((socket) => ({ ...socket })),
    };
  }
}
