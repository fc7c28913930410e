/**
 * A boot on a terminal: one line for each service, as a tree of what needs what, redrawn until the boot has ended. It says what
 * each is doing and for how long, or what it waits for; what else is said follows below.
 */
import type { GraphDump, Timer } from '@muster/contracts';
import type { Clock } from './clock.ts';
import { duration, escapeText } from './graph/render.ts';
import type { Output, Reporter } from './reporters.ts';
import type { RuntimeEvent } from './runtime-event.ts';

/** What a boot on a terminal is drawn with. */
export interface LiveBootOptions {
  /** Times go on while nothing happens. @default they go on with what happens */
  readonly clock?: Clock;
  /** What needs what. @default all stand below each other, in the order in which they start */
  readonly graph?: () => GraphDump;
}

interface Line {
  readonly branch: string;
  mark: string;
  text: string;
  since: number;
}

/** Marks of what has not come to its end. */
const BUSY = new Set(['·', '◐', '◑']);
const UP = '●';
/** Longest time of a line that is not worth saying, in milliseconds. */
const BRIEF_MS = 1_000;
/** How often times are drawn anew while nothing happens, in milliseconds. */
const TICK_MS = 1_000;
const COLUMNS = 120;
/** What is deeper stands where that stands. */
const DEEPEST = 12;

export class LiveBoot {
  readonly #output: Output;
  readonly #plain: Reporter;
  readonly #options: LiveBootOptions;
  #lines = new Map<string, Line>();
  /** Of the latest event. */
  #now = 0;
  readonly #later: RuntimeEvent[] = [];
  #drawn = 0;
  #live = false;
  #tick: Timer | undefined;

  /** @param plain for what is no part of the boot. */
  constructor(output: Output, plain: Reporter, options: LiveBootOptions) {
    this.#output = output;
    this.#plain = plain;
    this.#options = options;
  }

  readonly report: Reporter = (event) => {
    this.#now = event.at;
    if (event.type === 'boot-started') {
      this.#live = true;
      this.#plain(event);
      this.#lines = new Map(
        treeOf(event.services, this.#options.graph?.()).map(([id, branch]) => [
          id,
          { branch, mark: '·', text: 'waiting', since: event.at },
        ]),
      );
      this.#draw();
      this.#goOn();
    } else if (!this.#live) {
      this.#plain(event);
    } else if (event.type === 'boot-completed' || event.type === 'boot-failed' || event.type === 'stop-started') {
      this.#end(event);
    } else if (event.type === 'fault') {
      this.#erase();
      this.#plain(event);
      this.#draw();
    } else if (this.#update(event)) {
      this.#redraw();
    } else {
      this.#later.push(event);
    }
  };

  #goOn(): void {
    const { clock } = this.#options;
    this.#tick = clock?.schedule(TICK_MS, () => {
      this.#now = clock.now();
      this.#redraw();
      this.#goOn();
    });
  }

  /** The whole tree stays as it is; what was said meanwhile follows below it. */
  #end(event: RuntimeEvent): void {
    this.#live = false;
    this.#tick?.cancel();
    this.#erase();
    this.#write(this.#all());
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
      return this.#set(event.subject, UP, `${event.to}  ${duration(event.at - (line?.since ?? event.at))}`);
    if (event.to === 'failed') return this.#set(event.subject, '✘', `failed  ${line?.text ?? ''}`);
    if (event.to === 'skipped') return this.#set(event.subject, '◌', 'skipped');
    if (event.to === 'stopped' && event.from === 'stopping' && line?.mark === UP)
      return this.#set(event.subject, '○', 'stopped');
    return true;
  }

  #wait({ waiting }: Extract<RuntimeEvent, { type: 'waiting' }>): true {
    for (const { service, blockedBy } of waiting)
      if (this.#lines.get(service)?.mark === '·') this.#set(service, '·', `waiting for ${blockedBy.join(', ')}`);
    return true;
  }

  #set(id: string, mark: string, text: string): true {
    const line = this.#lines.get(id);
    if (line) Object.assign(line, { mark, text });
    return true;
  }

  #redraw(): void {
    this.#erase();
    this.#draw();
  }

  #erase(): void {
    if (this.#drawn > 0) this.#output.write(`\u001b[${this.#drawn}A\u001b[0J`);
    this.#drawn = 0;
  }

  #draw(): void {
    const all = this.#all();
    // What has left the window at its top could not be erased any more.
    const room = Math.max(3, (this.#output.rows ?? Number.POSITIVE_INFINITY) - 2);
    this.#drawn = this.#write(all.length <= room ? all : this.#notUp(room));
  }

  /** No line is longer than the window is wide, since a line that is broken counts as two. */
  #write(lines: readonly string[]): number {
    const columns = this.#output.columns ?? COLUMNS;
    if (lines.length > 0) this.#output.write(`${lines.map((line) => cut(line, columns)).join('\n')}\n`);
    return lines.length;
  }

  #all(): string[] {
    const width = Math.max(...[...this.#lines].map(([id, { branch }]) => branch.length + id.length), 0);
    return [...this.#lines].map(([id, line]) => this.#line(id, line, line.branch, width));
  }

  /** Where there are more than can be shown: how many are up, and those that are not. */
  #notUp(room: number): string[] {
    const open = [...this.#lines].filter(([, { mark }]) => mark !== UP);
    const shown = open.slice(0, room - 2);
    const width = Math.max(...shown.map(([id]) => id.length), 0);
    const more = open.length - shown.length;
    return [
      `  ${UP} ${this.#lines.size - open.length} of ${this.#lines.size} are up`,
      ...shown.map(([id, line]) => this.#line(id, line, '', width)),
      ...(more > 0 ? [`  … and ${more} more`] : []),
    ];
  }

  #line(id: string, { mark, text, since }: Line, branch: string, width: number): string {
    const forMs = this.#now - since;
    const elapsed = BUSY.has(mark) && forMs >= BRIEF_MS ? `  ${duration(forMs)}` : '';
    const name = escapeText(id).padEnd(width - branch.length);
    return `  ${branch}${mark} ${name}  ${cut(escapeText(text), 100)}${elapsed}`;
  }
}

/** Each service once, below the first that needs it, with what stands before it. */
function treeOf(services: readonly string[], graph: GraphDump | undefined): (readonly [id: string, branch: string])[] {
  const needs = new Map(services.map((id): [string, readonly string[]] => [id, []]));
  for (const node of graph?.nodes ?? [])
    if (needs.has(node.id))
      needs.set(
        node.id,
        node.needs.filter((id) => needs.has(id)),
      );
  const needed = new Set([...needs.values()].flat());
  const roots = services.filter((id) => !needed.has(id));
  const tree: (readonly [string, string])[] = [];
  const seen = new Set<string>();
  const open = roots.toReversed().map((id) => ({ id, branch: '', below: '', depth: 0 }));
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at.id)) continue;
    seen.add(at.id);
    tree.push([at.id, at.branch]);
    const children = (needs.get(at.id) ?? []).filter((id) => !seen.has(id));
    for (const [i, id] of [...children.entries()].toReversed()) {
      const isLast = i === children.length - 1;
      const { below, depth } = at;
      const next = depth < DEEPEST ? `${below}${isLast ? '   ' : '│  '}` : below;
      open.push({ id, branch: `${below}${isLast ? '└─ ' : '├─ '}`, below: next, depth: depth + 1 });
    }
  }
  return tree;
}

function cut(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
