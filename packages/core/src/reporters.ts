/**
 * Renderers of runtime events: the boot as people see it in a terminal, and one JSON line per event for machines.
 */
import { MusterError } from '@muster/contracts';
import { duration, escapeText } from './graph/render.ts';
import type { RuntimeEvent } from './runtime-event.ts';
import { reasonOf, redact } from './redact.ts';

/** Where a reporter writes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/** Listens to an app's events. */
export type Reporter = (event: RuntimeEvent) => void;

/** One line of JSON per event. */
export function jsonReporter(output: Output): Reporter {
  return (event) => {
    output.write(
      `${JSON.stringify(event, (_, value: unknown) => (value instanceof Error ? errorAsData(value) : value))}\n`,
    );
  };
}

/** The boot tree with live progress on a terminal, plain lines elsewhere; then whatever changes. */
export function consoleReporter(output: Output): Reporter {
  return output.isTTY === true ? new LiveBoot(output).report : plainReporter(output);
}

function errorAsData(error: Error): unknown {
  return error instanceof MusterError ? error.toJSON() : { message: reasonOf(error) };
}

/** The lines that a person reads of one event; none for those that only machines want. What could harm a terminal is escaped. */
export function eventLines(event: RuntimeEvent): string[] {
  switch (event.type) {
    case 'boot-started':
      return [`Starting ${event.services.length} ${event.services.length === 1 ? 'service' : 'services'}`];
    case 'boot-completed':
      return [`Ready in ${duration(event.wallMs)}`];
    case 'boot-failed':
      return [event.error.message];
    case 'waiting':
      return [`… ${duration(event.elapsedMs)}: waiting for ${event.blockedBy.map(escapeText).join(', ')}`];
    case 'progress':
      return [`  ◐ ${escapeText(event.service)}: ${escapeText(event.text)}`];
    case 'attempt-failed':
      return [
        `  ◑ ${escapeText(event.error.message)}${event.retryInMs === null ? '' : ` Again in ${duration(event.retryInMs)}.`}`,
      ];
    case 'health-changed':
      return [
        `  ${event.to === 'healthy' ? '●' : '✘'} ${escapeText(event.service)} is ${event.to}${event.reason === null ? '' : `: ${escapeText(event.reason)}`}`,
      ];
    case 'moved':
      return movedLines(event);
    case 'degraded':
      return [
        event.by.length > 0
          ? `  ◒ ${escapeText(event.service)} goes on without ${event.by.map(escapeText).join(', ')}`
          : `  ● ${escapeText(event.service)} misses nothing any more`,
      ];
    case 'gate-closed':
      return [
        `Gate ${escapeText(event.gate)} closed because of ${event.causes.map(escapeText).join(', ')}; it opens again after they have been well for ${duration(event.dwellMs)}`,
      ];
    case 'configuration-differs':
      return [`  ◒ ${escapeText(event.factory)} is configured otherwise on instance ${escapeText(event.instance)}`];
    case 'lagged':
      return [`  ◌ The process stood still for ${duration(event.lagMs)}; everything is checked before any gate moves`];
    case 'crashed':
      return [
        `  ✘ ${escapeText(event.service)} crashed: ${escapeText(reasonOf(event.error))}${event.restartInMs === null ? '' : `. Again in ${duration(event.restartInMs)}.`}`,
      ];
    case 'escalated':
      return [`✘ ${escapeText(event.service)} is down for good: the process gives up`];
    case 'listening':
      return [`Listening on ${event.address}`];
    case 'inspecting':
      return [`Inspect it at ${event.address}`];
    case 'stop-started':
      return [`Stopping: ${escapeText(event.reason)}`];
    case 'stop-failed':
      return [`  ✘ ${escapeText(event.service)}: ${escapeText(reasonOf(event.error))}`];
    case 'stop-completed':
      return [
        `Stopped ${event.order.length} ${event.order.length === 1 ? 'service' : 'services'} in reverse order in ${duration(event.wallMs)}${event.hung.length > 0 ? `; did not stop in time: ${event.hung.join(', ')}` : ''}`,
      ];
    case 'client-error':
    case 'deep-check':
    case 'run-begun':
    case 'tool-ended':
    case 'run-left':
    case 'run-ended':
      return [];
    case 'fault':
      return [
        `✘ ${event.component}${event.correlation === null ? '' : ` [${event.correlation}]`}: ${event.error instanceof Error ? redact(event.error.stack ?? event.error.message) : reasonOf(event.error)}`,
      ];
  }
}

function movedLines(event: Extract<RuntimeEvent, { type: 'moved' }>): string[] {
  if (event.machine === 'gate' && event.subject === 'main' && event.to === 'open') return ['Gate open'];
  if (event.machine !== 'service') return [];
  if (event.to === 'running' || event.to === 'completed') return [`  ● ${escapeText(event.subject)} ${event.to}`];
  if (event.to === 'stopped' && event.from === 'stopping') return [`  ○ ${escapeText(event.subject)} stopped`];
  return [];
}

function plainReporter(output: Output): Reporter {
  let address: string | undefined;
  let inspector: string | undefined;
  return (event) => {
    if (event.type === 'listening') ({ address } = event);
    if (event.type === 'inspecting') inspector = event.address;
    for (const line of eventLines(event)) output.write(`${line}\n`);
    // The last line of a boot is what a person wants next.
    if (event.type === 'boot-completed' && address !== undefined)
      output.write(`\n  → ${address}\n${inspector === undefined ? '' : `    seen from inside at ${inspector}\n`}\n`);
  };
}

/** Marks of what has not come to its end. */
const BUSY = new Set(['·', '◐', '◑']);
/** Longest time of a line that is not worth saying, in milliseconds. */
const BRIEF_MS = 1_000;

/**
 * Redraws one line per service until the boot has ended, then goes on with plain lines below them: what it is doing and for how
 * long, or what it waits for.
 */
class LiveBoot {
  readonly #output: Output;
  readonly #plain: Reporter;
  readonly #lines = new Map<string, { mark: string; text: string; since: number }>();
  /** Of the latest event. */
  #now = 0;
  readonly #later: RuntimeEvent[] = [];
  #drawn = 0;
  #live = false;

  constructor(output: Output) {
    this.#output = output;
    this.#plain = plainReporter(output);
  }

  readonly report: Reporter = (event) => {
    this.#now = event.at;
    if (event.type === 'boot-started') {
      this.#live = true;
      this.#plain(event);
      for (const id of event.services) this.#lines.set(id, { mark: '·', text: 'waiting', since: event.at });
      this.#draw();
    } else if (!this.#live) {
      this.#plain(event);
    } else if (event.type === 'boot-completed' || event.type === 'boot-failed' || event.type === 'stop-started') {
      this.#end(event);
    } else if (event.type === 'fault') {
      this.#erase();
      this.#plain(event);
      this.#draw();
    } else if (this.#update(event)) {
      this.#erase();
      this.#draw();
    } else {
      this.#later.push(event);
    }
  };

  /** The tree stays as it is; what was said meanwhile follows below it. */
  #end(event: RuntimeEvent): void {
    this.#live = false;
    for (const later of this.#later.splice(0)) this.#plain(later);
    this.#plain(event);
  }

  /** True when the event is shown by a service's own line. */
  #update(event: RuntimeEvent): boolean {
    if (event.type === 'progress') return this.#set(event.service, '◐', event.text);
    if (event.type === 'attempt-failed') return this.#set(event.service, '◑', event.error.message);
    if (event.type === 'waiting') return this.#wait(event);
    if (event.type !== 'moved' || event.machine !== 'service') return false;
    const line = this.#lines.get(event.subject);
    if (event.to === 'starting' && line) line.since = event.at;
    if (event.to === 'starting') return this.#set(event.subject, '◐', 'starting');
    if (event.to === 'running' || event.to === 'completed')
      return this.#set(event.subject, '●', `${event.to}  ${duration(event.at - (line?.since ?? event.at))}`);
    if (event.to === 'failed') return this.#set(event.subject, '✘', `failed  ${line?.text ?? ''}`);
    if (event.to === 'skipped') return this.#set(event.subject, '◌', 'skipped');
    if (event.to === 'stopped' && event.from === 'stopping' && line?.mark === '●')
      return this.#set(event.subject, '○', 'stopped');
    return true;
  }

  #wait({ waiting, blockedBy }: Extract<RuntimeEvent, { type: 'waiting' }>): true {
    for (const id of waiting)
      if (this.#lines.get(id)?.mark === '·') this.#set(id, '·', `waiting for ${blockedBy.join(', ')}`);
    return true;
  }

  #set(id: string, mark: string, text: string): true {
    const line = this.#lines.get(id);
    if (line) Object.assign(line, { mark, text });
    return true;
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`\u001b[${this.#drawn}A\u001b[0J`);
  }

  #draw(): void {
    const width = Math.max(...[...this.#lines.keys()].map((id) => id.length), 0);
    const drawn = [...this.#lines].map(([id, { mark, text, since }]) => {
      const forMs = this.#now - since;
      const elapsed = BUSY.has(mark) && forMs >= BRIEF_MS ? `  ${duration(forMs)}` : '';
      return `  ${mark} ${escapeText(id).padEnd(width)}  ${cut(escapeText(text), 100)}${elapsed}`;
    });
    this.#output.write(`${drawn.join('\n')}\n`);
    this.#drawn = drawn.length;
  }
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
