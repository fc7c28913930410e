/**
 * Who may start and who is ready, derived from who is up, and kept current edge by edge.
 *
 *   ready(s)     = s itself is up, and every edge whose loss closes gates is met
 *   unblocked(s) = every edge lets s start: a requirement is met, an optional one has at least had its first try
 *
 * A change costs the edges that it travels along, not the graph, and all that follows from it is told before it returns.
 */
import { type EdgeTerms, isGating, isRequirement, PLAIN } from '../declare/edge.ts';
import type { GraphNode } from '../graph/service-graph.ts';

interface Link {
  readonly from: Entry;
  readonly to: Entry;
  readonly terms: EdgeTerms;
  /** Worked out once: whether its loss makes `from` unready, and whether `from` cannot start without it. */
  readonly isGating: boolean;
  readonly isRequirement: boolean;
  met: boolean;
  /** Whether it lets `from` start. */
  released: boolean;
  /** When it first did. */
  releasedAt: number | null;
}

interface Entry {
  readonly id: string;
  readonly isTask: boolean;
  readonly shared: boolean;
  readonly essential: boolean;
  needs: Link[];
  readonly dependents: Link[];
  /** How many of the dependents have been put there. */
  linked: number;
  own: boolean;
  started: boolean;
  settled: boolean;
  /** How many of its edges keep it from starting. */
  blocking: number;
  /** How many of its edges keep it from being ready. */
  unready: number;
  /** While an observer is added: that, where it watches this one. */
  watchedBy: Entry | undefined;
}

/** What a change has led to so far; lists are made when there is something for them. */
interface Found {
  /** Entries whose dependents have to be looked at. */
  readonly open: Entry[];
  readonly flips: string[];
  unblocked: string[] | undefined;
  degraded: Set<Entry> | undefined;
}

const NONE: readonly string[] = [];

/** Told of what follows from a change. */
export interface WiringObserver {
  /** `ready(id)` has changed. */
  flipped(id: string, ready: boolean): void;
  /** Nothing keeps `id` from starting any more. */
  unblocked(id: string): void;
  /** What `id` can do without has gone or come back. */
  degraded(id: string, by: readonly string[]): void;
}

export class Wiring {
  readonly #entries = new Map<string, Entry>();
  readonly #observer: WiringObserver;
  readonly #now: () => number | null;
  #holdsShared = false;

  /** @param now for the times at which edges were released; `null` before the boot. */
  constructor(nodes: readonly GraphNode[], now: () => number | null, observer: WiringObserver) {
    this.#observer = observer;
    this.#now = now;
    for (const node of nodes) this.#entries.set(node.id, entryOf(node.id, node));
    for (const node of nodes) this.#linkAll(node);
    // What exists already or has no life of its own is always there.
    for (const node of nodes) {
      if (node.kind !== 'service' && node.kind !== 'task') this.set(node.id, true, true, true);
    }
  }

  /** Adds an observer of `ids` as a node of its own: it flips when all of them are ready, and when one no longer is. */
  watch(id: string, ids: readonly string[]): void {
    const entry = entryOf(id);
    entry.own = true;
    this.#entries.set(id, entry);
    // Marked where they are: a set of ten thousand costs as much as all the rest of this.
    for (const each of ids) this.#mark(each, entry);
    // Whoever is ready vouches for what it needs to be ready. A task is done whatever became of that, and nobody asks how
    // a shared service is once the gate has been open.
    const vouches = ({ isGating, terms, from }: Link): boolean =>
      isGating && terms.until !== 'started' && !from.isTask && !from.shared && from.watchedBy === entry;
    for (const each of ids) {
      if (this.#entries.get(each)?.dependents.some(vouches) !== true) this.#link(entry, each, PLAIN);
    }
    for (const each of ids) this.#mark(each, undefined);
  }

  /** All edges of a node. Lists have their lengths from the start: what grows by pushes has room that stays empty. */
  #linkAll({ id, edges }: GraphNode): void {
    if (edges.length === 0) return;
    const from = this.#entries.get(id) as Entry;
    from.needs = edges.map((edge) => {
      const to = this.#entries.get(edge.to) as Entry;
      const link = this.#linkOf(from, to, edge);
      to.dependents[to.linked] = link;
      to.linked += 1;
      return link;
    });
  }

  #mark(id: string, watchedBy: Entry | undefined): void {
    const entry = this.#entries.get(id);
    if (entry !== undefined) entry.watchedBy = watchedBy;
  }

  /** Adds an edge; before anything has started. */
  link(from: string, to: string, terms: EdgeTerms): void {
    const entry = this.#entries.get(from);
    if (entry === undefined) return;
    const wasReady = isReady(entry);
    this.#link(entry, to, terms);
    if (wasReady !== isReady(entry)) this.#propagate([entry], [from]);
  }

  ready(id: string): boolean {
    const entry = this.#entries.get(id);
    return entry !== undefined && isReady(entry);
  }

  /** True when every edge lets it start. */
  mayStart(id: string): boolean {
    return this.#entries.get(id)?.blocking === 0;
  }

  /** When the edge first let its node start; `null` before. */
  releasedAt(from: string, to: string): number | null {
    return this.#entries.get(from)?.needs.find((link) => link.to.id === to)?.releasedAt ?? null;
  }

  /** Ids of what the service can do without and misses now; sorted. */
  degradedBy(id: string): readonly string[] {
    const entry = this.#entries.get(id);
    // What a task has done misses nothing any more.
    if (entry?.isTask === true) return NONE;
    const missing = entry?.needs.filter((link) => !link.met && this.#degrades(link)).map((link) => link.to.id);
    return missing === undefined || missing.length === 0 ? NONE : missing.sort();
  }

  /** From now on the loss of a shared service degrades and makes nobody unready. */
  holdShared(): void {
    if (this.#holdsShared) return;
    const open: Entry[] = [];
    for (const entry of this.#entries.values()) {
      if (!entry.shared) continue;
      for (const link of entry.dependents) {
        if (link.met || !link.isGating) continue;
        const wasReady = isReady(link.from);
        link.from.unready -= 1;
        if (!wasReady && isReady(link.from)) open.push(link.from);
      }
    }
    this.#holdsShared = true;
    this.#propagate(
      open,
      open.map((entry) => entry.id),
    );
  }

  /**
   * Notes how a node stands; every flip that follows from it is told before this returns.
   *
   * @param own it is up and healthy by itself; of a task: it has completed.
   * @param started it runs or has completed.
   * @param settled its first try is over, however it went; never unsaid.
   */
  set(id: string, own: boolean, started: boolean, settled: boolean): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    if (entry.own === own && entry.started === started && (entry.settled || !settled)) return;
    const wasReady = isReady(entry);
    entry.own = own;
    entry.started = started;
    entry.settled ||= settled;
    this.#propagate([entry], wasReady === isReady(entry) ? [] : [id]);
  }

  /** Ids of everything whose loss makes one of `ids` unready, and of `ids` themselves. */
  closure(ids: Iterable<string>): Set<string> {
    const seen = new Set(ids);
    const open = [...seen];
    for (let id = open.pop(); id !== undefined; id = open.pop()) {
      for (const link of this.#entries.get(id)?.needs ?? []) {
        if (!link.isGating || seen.has(link.to.id)) continue;
        seen.add(link.to.id);
        open.push(link.to.id);
      }
    }
    return seen;
  }

  /** Ids of the nodes with an edge to `id` on whose loss they go down too, and whether at once or when it is back. */
  following(id: string): { readonly id: string; readonly when: 'restart' | 'stop' }[] {
    return (this.#entries.get(id)?.dependents ?? []).flatMap(({ from, terms }) =>
      terms.onLoss === 'restart' || terms.onLoss === 'stop' ? [{ id: from.id, when: terms.onLoss }] : [],
    );
  }

  /** Ids of the nodes that cannot start without `id`. */
  requiring(id: string): string[] {
    return (this.#entries.get(id)?.dependents ?? []).flatMap((link) => (link.isRequirement ? [link.from.id] : []));
  }

  /**
   * `blockedBy` of every node at once, in one pass over `order`, which has each node after all that it needs.
   * Nodes that wait for the same causes share one list, so a long chain costs no more than its length.
   */
  causes(order: Iterable<string>): Map<string, readonly string[]> {
    const causes = new Map<string, readonly string[]>();
    for (const id of order) {
      const entry = this.#entries.get(id);
      if (entry === undefined || isReady(entry)) {
        causes.set(id, NONE);
        continue;
      }
      const held = this.#heldBy(entry);
      const lists = new Set(held.map((need) => causes.get(need.id) ?? [need.id]).filter((list) => list.length > 0));
      const [only = held.length === 0 ? [id] : held.map((need) => need.id)] = lists;
      causes.set(id, lists.size < 2 ? only : [...new Set([...lists].flat())].sort());
    }
    return causes;
  }

  /** The root causes why any of `ids` is not ready: what is not ready though nothing it needs is unready; sorted. */
  blockedBy(ids: Iterable<string>): string[] {
    const causes = new Set<string>();
    const seen = new Set<Entry>();
    const open: Entry[] = [];
    const visit = (entry: Entry | undefined): void => {
      if (entry === undefined || seen.has(entry)) return;
      seen.add(entry);
      open.push(entry);
    };
    for (const id of ids) visit(this.#entries.get(id));
    for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
      if (isReady(entry)) continue;
      const held = this.#heldBy(entry);
      if (held.length === 0) causes.add(entry.id);
      for (const need of held) visit(need);
    }
    return [...causes].sort();
  }

  /** What keeps an entry from being ready, but for itself: before it has started what it waits for, then what it lost. */
  #heldBy(entry: Entry): Entry[] {
    const holds = (link: Link): boolean => (entry.started ? !link.met && this.#gates(link) : !link.released);
    return entry.needs.filter(holds).map((link) => link.to);
  }

  #gates(link: Link): boolean {
    return link.isGating && !(this.#holdsShared && link.to.shared);
  }

  #degrades(link: Link): boolean {
    if (link.terms.kind !== 'needs') return false;
    return link.terms.onLoss === 'degrade' || (link.isGating && this.#holdsShared && link.to.shared);
  }

  #link(from: Entry, to: string, terms: EdgeTerms): void {
    const other = this.#entries.get(to);
    if (other === undefined) return;
    const link = this.#linkOf(from, other, terms);
    from.needs.push(link);
    other.dependents.push(link);
  }

  #linkOf(from: Entry, to: Entry, terms: EdgeTerms): Link {
    const link: Link = {
      from,
      to,
      terms,
      isGating: isGating(terms),
      isRequirement: isRequirement(terms),
      met: false,
      released: false,
      releasedAt: null,
    };
    link.met = isMet(link);
    link.released = isReleased(link);
    if (!link.released) from.blocking += 1;
    if (!link.met && this.#gates(link)) from.unready += 1;
    return link;
  }

  /** Walks on from entries that have changed, with a stack and not a recursion, however long the chain. */
  #propagate(open: Entry[], flips: string[]): void {
    const found: Found = { open, flips, unblocked: undefined, degraded: undefined };
    for (let entry = open.pop(); entry !== undefined; entry = open.pop()) {
      for (const link of entry.dependents) this.#follow(link, found);
    }
    for (const id of flips) this.#observer.flipped(id, this.ready(id));
    for (const { id } of found.degraded ?? []) this.#observer.degraded(id, this.degradedBy(id));
    for (const id of found.unblocked ?? []) if (this.mayStart(id)) this.#observer.unblocked(id);
  }

  #follow(link: Link, found: Found): void {
    const { from } = link;
    const met = isMet(link);
    if (met !== link.met) {
      link.met = met;
      if (this.#gates(link)) {
        const wasReady = isReady(from);
        from.unready += met ? -1 : 1;
        if (wasReady !== isReady(from)) {
          found.flips.push(from.id);
          found.open.push(from);
        }
      }
      if (this.#degrades(link) && from.started && !from.isTask) (found.degraded ??= new Set()).add(from);
    }
    const released = isReleased(link);
    if (released !== link.released) {
      link.released = released;
      if (released) link.releasedAt ??= this.#now();
      from.blocking += released ? -1 : 1;
      if (from.blocking === 0) (found.unblocked ??= []).push(from.id);
    }
    // What cannot come in the first try of something it requires does not come in a first try of its own either.
    const isHopeless = !met && link.to.settled && !link.to.essential && link.isRequirement;
    if (isHopeless && !from.settled && !from.essential) {
      from.settled = true;
      found.open.push(from);
    }
  }
}

/** @param node whose it is; without one, of an observer. */
function entryOf(id: string, node?: GraphNode): Entry {
  return {
    id,
    isTask: node?.kind === 'task',
    shared: node?.shared ?? false,
    essential: node?.essential ?? true,
    needs: [],
    dependents: Array<Link>(node?.neededBy.length ?? 0),
    linked: 0,
    own: false,
    started: false,
    settled: false,
    blocking: 0,
    unready: 0,
    watchedBy: undefined,
  };
}

/** What a task has done stays done, whatever becomes of what it needed for it. */
function isReady(entry: Entry): boolean {
  return entry.own && (entry.isTask || entry.unready === 0);
}

function isMet({ to, terms }: Link): boolean {
  return terms.until === 'started' ? to.started : isReady(to);
}

function isReleased({ to, terms, met }: Link): boolean {
  if (terms.kind === 'after') return to.settled;
  return terms.need === 'optional' ? met || to.settled : met;
}
