/**
 * Who may start and who is ready, derived from who is up, and kept current edge by edge.
 *
 *   ready(s)     = s itself is up, and every edge whose loss closes gates is met
 *   unblocked(s) = every edge lets s start: a requirement is met, an optional one has at least had its first try
 *
 * A change costs the edges that it travels along, not the graph, and all that follows from it is told before it returns.
 */
import { type EdgeTerms, isGating, isRequirement, PLAIN } from '../declare/edge.ts';
import type { GraphNode } from '../graph/graph-node.ts';
import type { Gate } from './gate.ts';
import type { ManagedService } from './managed-service.ts';

interface Link {
  readonly from: Place;
  readonly to: Place;
  readonly terms: EdgeTerms;
  met: boolean;
  /** Whether it lets `from` start. */
  released: boolean;
  /** When it first did. */
  releasedAt: number | null;
}

/** Where a node or an observer stands in the wiring. Whoever has it asks without being looked for. */
export interface Place {
  readonly id: string;
  /** `undefined` of an observer. */
  readonly node: GraphNode | undefined;
  readonly isTask: boolean;
  needs: Link[];
  readonly dependents: Link[];
  own: boolean;
  started: boolean;
  settled: boolean;
  /** How many of its edges keep it from starting. */
  blocking: number;
  /** How many of its edges keep it from being ready. */
  unready: number;
  /** Who stands there, once somebody does. */
  service: ManagedService | undefined;
  gate: Gate | undefined;
}

/** What a change has led to so far; lists are made when there is something for them. */
interface Found {
  /** Places whose dependents have to be looked at. */
  readonly open: Place[];
  readonly flips: Place[];
  unblocked: Place[] | undefined;
  degraded: Set<Place> | undefined;
  /** The time of the change, once somebody has looked. */
  at: number | null | undefined;
}

const NONE: readonly string[] = [];

/** Told of what follows from a change. */
export interface WiringObserver {
  /** Whether it is ready has changed. */
  flipped(place: Place, ready: boolean): void;
  /** Nothing keeps it from starting any more. */
  unblocked(place: Place): void;
  /** What it can do without has gone or come back. */
  degraded(place: Place, by: readonly string[]): void;
}

export class Wiring {
  /** In the order of the nodes. */
  readonly places: readonly Place[];
  #byId: ReadonlyMap<string, Place> | undefined;
  readonly #observer: WiringObserver;
  readonly #now: () => number | null;
  #holdsShared = false;

  /** @param now for the times at which edges were released; `null` before the boot. */
  constructor(nodes: readonly GraphNode[], now: () => number | null, observer: WiringObserver) {
    this.#observer = observer;
    this.#now = now;
    this.places = nodes.map((node) => placeOf(node.id, node));
    this.#linkAll(nodes);
    // What exists already or has no life of its own is always there.
    for (const place of this.places) if (place.node?.isAlive === false) this.set(place, true, true, true);
  }

  /** The place of a node; of one of a later graph with the same nodes that of its earlier self. */
  placeOf({ index }: GraphNode): Place {
    return this.places[index] as Place;
  }

  /** The place of the node with this id; `undefined` when there is none. */
  place(id: string): Place | undefined {
    this.#byId ??= new Map(this.places.map((place) => [place.id, place]));
    return this.#byId.get(id);
  }

  /** Adds an observer of `places`: it flips when all of them are ready, and when one no longer is. */
  watch(id: string, places: readonly Place[]): Place {
    const observer = placeOf(id, undefined);
    observer.own = true;
    const isWatched = new Uint8Array(this.places.length);
    for (const { node } of places) if (node !== undefined) isWatched[node.index] = 1;
    // Whoever is ready vouches for what it needs to be ready. A task is done whatever became of that, and nobody asks how
    // a shared service is once the gate has been open.
    const vouches = ({ terms, from: { node, isTask } }: Link): boolean =>
      node !== undefined &&
      isWatched[node.index] === 1 &&
      !isTask &&
      !node.shared &&
      terms.until !== 'started' &&
      isGating(terms);
    for (const place of places) if (!place.dependents.some(vouches)) this.#link(observer, place, PLAIN);
    return observer;
  }

  /** All edges. Lists have their lengths from the start: what grows by pushes has room that stays empty. */
  #linkAll(nodes: readonly GraphNode[]): void {
    const { places } = this;
    const linked = new Uint32Array(places.length);
    for (const [index, { edges }] of nodes.entries()) {
      if (edges.length === 0) continue;
      const from = places[index] as Place;
      from.needs = edges.map(({ other, terms }) => {
        const to = places[other.index] as Place;
        const link = this.#linkOf(from, to, terms);
        const place = linked[other.index] as number;
        to.dependents[place] = link;
        linked[other.index] = place + 1;
        return link;
      });
    }
  }

  /** Adds an edge; before anything has started. */
  link(from: Place, to: Place, terms: EdgeTerms): void {
    const wasReady = isReady(from);
    this.#link(from, to, terms);
    if (wasReady !== isReady(from)) this.#propagate([from], [from]);
  }

  /** When the edge first let its node start; `null` before. */
  releasedAt(from: string, to: string): number | null {
    return this.place(from)?.needs.find((link) => link.to.id === to)?.releasedAt ?? null;
  }

  /** Ids of what the place can do without and misses now; sorted. */
  degradedBy(place: Place): readonly string[] {
    // What a task has done misses nothing any more.
    if (place.isTask) return NONE;
    const missing = place.needs.filter((link) => !link.met && this.#degrades(link)).map((link) => link.to.id);
    return missing.length === 0 ? NONE : missing.sort();
  }

  /** From now on the loss of a shared service degrades and makes nobody unready. */
  holdShared(): void {
    if (this.#holdsShared) return;
    const open: Place[] = [];
    for (const place of this.places) {
      if (place.node?.shared !== true) continue;
      for (const link of place.dependents) {
        if (link.met || !isGating(link.terms)) continue;
        const wasReady = isReady(link.from);
        link.from.unready -= 1;
        if (!wasReady && isReady(link.from)) open.push(link.from);
      }
    }
    this.#holdsShared = true;
    this.#propagate(open, [...open]);
  }

  /**
   * Notes how a node stands; every flip that follows from it is told before this returns.
   *
   * @param own it is up and healthy by itself; of a task: it has completed.
   * @param started it runs or has completed.
   * @param settled its first try is over, however it went; never unsaid.
   */
  set(place: Place, own: boolean, started: boolean, settled: boolean): void {
    if (place.own === own && place.started === started && (place.settled || !settled)) return;
    const wasReady = isReady(place);
    place.own = own;
    place.started = started;
    place.settled ||= settled;
    this.#propagate([place], wasReady === isReady(place) ? [] : [place]);
  }

  /** Everything whose loss makes one of `places` unready, and these themselves. */
  closure(places: Iterable<Place>): Set<Place> {
    const seen = new Set(places);
    const open = [...seen];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      for (const { to, terms } of place.needs) {
        if (!isGating(terms) || seen.has(to)) continue;
        seen.add(to);
        open.push(to);
      }
    }
    return seen;
  }

  /**
   * `blockedBy` of every node at once, in one pass over `order`, which has each node after all that it needs.
   * Nodes that wait for the same causes share one list, so a long chain costs no more than its length.
   */
  causes(order: Iterable<Place>): Map<Place, readonly string[]> {
    const causes = new Map<Place, readonly string[]>();
    for (const place of order) {
      if (isReady(place)) {
        causes.set(place, NONE);
        continue;
      }
      const held = this.#heldBy(place);
      const lists = new Set(held.map((need) => causes.get(need) ?? [need.id]).filter((list) => list.length > 0));
      const [only = held.length === 0 ? [place.id] : held.map((need) => need.id)] = lists;
      causes.set(place, lists.size < 2 ? only : [...new Set([...lists].flat())].sort());
    }
    return causes;
  }

  /** The root causes why any of `places` is not ready: what is not ready though nothing it needs is unready; sorted ids. */
  blockedBy(places: Iterable<Place>): string[] {
    const causes = new Set<string>();
    const seen = new Set(places);
    const open = [...seen];
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      if (isReady(place)) continue;
      const held = this.#heldBy(place);
      if (held.length === 0) causes.add(place.id);
      for (const need of held) {
        if (seen.has(need)) continue;
        seen.add(need);
        open.push(need);
      }
    }
    return [...causes].sort();
  }

  /** What keeps a place from being ready, but for itself: before it has started what it waits for, then what it lost. */
  #heldBy(place: Place): Place[] {
    const holds = (link: Link): boolean => (place.started ? !link.met && this.#gates(link) : !link.released);
    return place.needs.filter(holds).map((link) => link.to);
  }

  #gates({ terms, to }: Link): boolean {
    return isGating(terms) && !(this.#holdsShared && to.node?.shared === true);
  }

  #degrades({ terms, to }: Link): boolean {
    if (terms.kind !== 'needs') return false;
    return terms.onLoss === 'degrade' || (this.#holdsShared && to.node?.shared === true && isGating(terms));
  }

  #link(from: Place, to: Place, terms: EdgeTerms): void {
    const link = this.#linkOf(from, to, terms);
    from.needs.push(link);
    to.dependents.push(link);
  }

  #linkOf(from: Place, to: Place, terms: EdgeTerms): Link {
    const met = isMet(terms, to);
    const link: Link = { from, to, terms, met, released: isReleased(terms, to, met), releasedAt: null };
    if (!link.released) from.blocking += 1;
    if (!met && this.#gates(link)) from.unready += 1;
    return link;
  }

  /** Walks on from places that have changed, with a stack and not a recursion, however long the chain. */
  #propagate(open: Place[], flips: Place[]): void {
    const found: Found = { open, flips, unblocked: undefined, degraded: undefined, at: undefined };
    for (let place = open.pop(); place !== undefined; place = open.pop()) {
      for (const link of place.dependents) this.#follow(link, found);
    }
    for (const place of flips) this.#observer.flipped(place, isReady(place));
    for (const place of found.degraded ?? []) this.#observer.degraded(place, this.degradedBy(place));
    for (const place of found.unblocked ?? []) if (mayStart(place)) this.#observer.unblocked(place);
  }

  #follow(link: Link, found: Found): void {
    const { from, to, terms } = link;
    const met = isMet(terms, to);
    if (met !== link.met) {
      link.met = met;
      if (this.#gates(link)) {
        const wasReady = isReady(from);
        from.unready += met ? -1 : 1;
        if (wasReady !== isReady(from)) {
          found.flips.push(from);
          found.open.push(from);
        }
      }
      if (from.started && !from.isTask && this.#degrades(link)) (found.degraded ??= new Set()).add(from);
    }
    const released = isReleased(terms, to, met);
    if (released !== link.released) {
      link.released = released;
      if (released && link.releasedAt === null) link.releasedAt = found.at ??= this.#now();
      from.blocking += released ? -1 : 1;
      if (from.blocking === 0) (found.unblocked ??= []).push(from);
    }
    // What cannot come in the first try of something it requires does not come in a first try of its own either.
    if (met || !to.settled || from.settled) return;
    if (isDispensable(to) && isDispensable(from) && isRequirement(terms)) {
      from.settled = true;
      found.open.push(from);
    }
  }
}

/** @param node whose it is; `undefined` of an observer. */
function placeOf(id: string, node: GraphNode | undefined): Place {
  return {
    id,
    node,
    isTask: node?.kind === 'task',
    needs: [],
    dependents: Array<Link>(node?.dependents.length ?? 0),
    own: false,
    started: false,
    settled: false,
    blocking: 0,
    unready: 0,
    service: undefined,
    gate: undefined,
  };
}

/** What a task has done stays done, whatever becomes of what it needed for it. */
export function isReady(place: Place): boolean {
  return place.own && (place.isTask || place.unready === 0);
}

/** True when every edge lets it start. */
export function mayStart(place: Place): boolean {
  return place.blocking === 0;
}

function isMet(terms: EdgeTerms, to: Place): boolean {
  return terms.until === 'started' ? to.started : isReady(to);
}

function isReleased(terms: EdgeTerms, to: Place, met: boolean): boolean {
  if (terms.kind === 'after') return to.settled;
  return terms.need === 'optional' ? met || to.settled : met;
}

/** True of what the app can do without. */
function isDispensable({ node }: Place): boolean {
  return node?.essential === false;
}
