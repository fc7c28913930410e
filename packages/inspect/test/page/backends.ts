/**
 * Backends as the live page is told of them, at any moment of their boots and after.
 *
 * Everything is computed from when services start and how long they take, so that the numbers agree as a real instance's do.
 */
import type { DumpEdge, DumpNode } from '@muster/contracts';
import type { GateLine, Lane, Overview, Span } from '../../src/live/overview.ts';
import type { Spec } from './specs.ts';

export interface Moment {
  /** Milliseconds after the start of the boot. */
  readonly at: number;
  /** What never gets ready, and what it says meanwhile. */
  readonly hangs?: { readonly id: string; readonly progress: string };
  /** What has failed for good, so that the boot has. */
  readonly failed?: { readonly id: string; readonly reason: string; readonly hint: string };
  /** What was lost after the boot. */
  readonly lost?: { readonly id: string; readonly reason: string; readonly hint: string; readonly atMs: number };
}

interface Times {
  readonly wait: number;
  readonly ready: number;
}

export class FakeBackend {
  readonly startedAt: number;
  readonly #specs: readonly Spec[];
  readonly #times = new Map<string, Times>();
  readonly #ranks = new Map<string, number>();
  readonly #chain: readonly string[];

  constructor(specs: readonly Spec[], startedAt: number) {
    this.startedAt = startedAt;
    this.#specs = specs;
    for (const { id, needs, startMs, checkMs = 0 } of specs) {
      const wait = Math.max(1, ...needs.map((each) => this.#ready(each)));
      this.#times.set(id, { wait, ready: wait + startMs + checkMs });
      this.#ranks.set(id, Math.max(-1, ...needs.map((each) => this.#ranks.get(each) ?? 0)) + 1);
    }
    this.#chain = this.#criticalChain();
  }

  get bootMs(): number {
    return Math.max(...this.#specs.map(({ id }) => this.#ready(id)));
  }

  overview(moment: Moment): Overview {
    const { at, failed, lost } = moment;
    const now = this.startedAt + at;
    const isDone = moment.hangs === undefined && failed === undefined && at >= this.bootMs;
    const state = failed !== undefined ? 'failed' : isDone ? 'running' : 'starting';
    const nodes = this.#specs.map((spec) => this.#node(spec, moment));
    const causes = [...new Set(nodes.flatMap(({ blockedBy, id }) => (blockedBy.includes(id) ? [id] : [])))];
    const gate: GateLine = {
      name: 'ShopSocket',
      state: failed !== undefined ? 'stopped' : isDone && lost === undefined ? 'open' : 'closed',
      since: this.startedAt + (lost?.atMs ?? (isDone ? this.bootMs : 0)),
      blockedBy: isDone && lost === undefined ? [] : causes,
      closings: lost === undefined ? 0 : 1,
    };
    return {
      at: now,
      head: {
        id: null,
        state,
        version: '2.14.0',
        pid: 4242,
        node: 'v20.19.5',
        startedAt: this.startedAt,
        address: gate.state === 'open' || lost !== undefined ? 'http://127.0.0.1:8080' : null,
        trouble:
          failed === undefined
            ? null
            : { code: 'BOOT_FAILED', message: `${failed.id} failed: ${failed.reason}`, hint: failed.hint },
      },
      graph: {
        format: 'muster.graph/1',
        state,
        gate: { state: gate.state, blockedBy: gate.blockedBy },
        wallMs: isDone ? this.bootMs : null,
        idealMs: this.bootMs,
        parallelEfficiency: isDone ? 0.97 : null,
        criticalPath: { nodes: this.#chain, ms: this.bootMs },
        budgets: { boot: BUDGET, stop: BUDGET },
        nodes,
        edges: this.#edges(at),
        problems: [],
        notes: [],
      },
      boot: {
        startedAt: this.startedAt,
        endedAt: isDone ? this.bootMs : failed === undefined ? null : at,
        gateOpenedAt: isDone ? this.bootMs : null,
      },
      lanes: this.#specs.flatMap((spec) => this.#lane(spec, moment)),
      gates: [gate],
      connections: { total: 0, users: 0, byState: {}, latest: [] },
      runs: [],
      delivery: null,
      news: this.#news(moment),
      instances: [],
      payloads: true,
    };
  }

  #ready(id: string): number {
    return this.#times.get(id)?.ready ?? 0;
  }

  #node(spec: Spec, { at, hangs, failed, lost }: Moment): DumpNode {
    const { id, needs, startMs, checkMs = 0, kind = 'service' } = spec;
    const { wait, ready } = this.#times.get(id) as Times;
    const broken = hangs?.id ?? failed?.id ?? lost?.id;
    const isHeld = broken !== undefined && id !== broken && this.#closure(id).has(broken);
    const [phase, health] = this.#standing(spec, { at, hangs, failed, lost } as Moment, isHeld);
    const isUp = phase === 'running' || phase === 'completed';
    const blockers = lost === undefined ? this.#blockers(spec, at, broken) : isHeld ? [lost.id] : [];
    const isCause = id === broken || (!isUp && phase === 'starting');
    return {
      id,
      kind,
      tokens: spec.tokens ?? [],
      declaredAt: kind === 'value' ? null : `src/${id.toLowerCase()}.ts:12`,
      scope: 'singleton',
      tags: [],
      shared: id === 'Postgres',
      essential: true,
      rank: this.#ranks.get(id) ?? 0,
      needs,
      phase,
      health,
      healthAgeMs: isUp ? 1_840 : null,
      reason:
        id === failed?.id
          ? failed.reason
          : id === lost?.id
            ? lost.reason
            : phase === 'skipped'
              ? `${failed?.id} failed`
              : null,
      degradedBy: [],
      desired: kind === 'service' ? 'up' : null,
      job: kind === 'service' ? { kind: 'start', cause: 'boot', result: isUp ? 'done' : null } : null,
      generation: 1,
      attempts: id === failed?.id ? 6 : 1,
      waitMs: at >= wait && !(isHeld && lost === undefined) && kind !== 'value' ? wait : null,
      startMs: isUp || phase === 'ready' ? startMs : null,
      checkMs: isUp ? checkMs : null,
      hookMs: null,
      progress: id === hangs?.id ? hangs.progress : null,
      slackMs: isUp ? this.#slack(id) : null,
      onCriticalPath: this.#chain.includes(id) && (at >= ready || this.#chain[0] === id),
      blockedBy: kind === 'value' ? [] : isCause ? [id] : blockers,
    };
  }

  #standing({ id, kind, isUnchecked }: Spec, { at, hangs, failed, lost }: Moment, isHeld: boolean): [string, string] {
    const { wait, ready } = this.#times.get(id) as Times;
    if (kind === 'value' || kind === 'scoped') return ['-', '-'];
    const isBefore = hangs !== undefined || failed !== undefined;
    if (kind === 'factory') return [!isBefore && at >= ready ? 'ready' : 'absent', '-'];
    if (id === failed?.id) return ['failed', 'unknown'];
    if (failed !== undefined) return isHeld ? ['skipped', 'unknown'] : ['stopped', 'unknown'];
    if (id === lost?.id) return ['running', 'unhealthy'];
    if (id === hangs?.id && at >= wait) return ['starting', 'unknown'];
    if ((isBefore && isHeld) || at < wait) return ['waiting', 'unknown'];
    if (at < ready) return ['starting', 'unknown'];
    return [kind === 'task' ? 'completed' : 'running', isUnchecked === true ? 'unchecked' : 'healthy'];
  }

  /** Root causes: what it needs that starts right now, or hangs. */
  #blockers({ id }: Spec, at: number, broken: string | undefined): string[] {
    if (at >= this.#ready(id) && (broken === undefined || !this.#closure(id).has(broken))) return [];
    return [...this.#closure(id)].filter((each) => {
      const { wait, ready } = this.#times.get(each) as Times;
      return each === broken ? at >= wait : at >= wait && at < ready;
    });
  }

  readonly #closures = new Map<string, ReadonlySet<string>>();

  #closure(id: string): ReadonlySet<string> {
    const known = this.#closures.get(id);
    if (known !== undefined) return known;
    const found = new Set<string>();
    for (const need of this.#specs.find((spec) => spec.id === id)?.needs ?? []) {
      found.add(need);
      for (const each of this.#closure(need)) found.add(each);
    }
    this.#closures.set(id, found);
    return found;
  }

  #lane(spec: Spec, { at, hangs, failed, lost }: Moment): Lane[] {
    const { id, kind = 'service', startMs, checkMs = 0 } = spec;
    if (kind === 'value' || kind === 'scoped') return [];
    const { wait, ready } = this.#times.get(id) as Times;
    const broken = hangs?.id ?? failed?.id;
    const isHeld = broken !== undefined && this.#closure(id).has(broken);
    const end = failed === undefined ? at : Math.min(at, 9_000);
    const pieces: [Span['kind'], number, number][] = isHeld
      ? [['waiting', 0, Infinity]]
      : id === hangs?.id
        ? [
            ['waiting', 0, wait],
            ['starting', wait, Infinity],
          ]
        : id === failed?.id
          ? attempts(wait)
          : [
              ['waiting', 0, wait],
              ['starting', wait, wait + startMs],
              ['checking', wait + startMs, wait + startMs + checkMs],
            ];
    const spans = pieces
      .filter(([, from, to]) => from < end && to > from)
      .map(([kind, from, to]): Span => ({ kind, from, to: to <= end ? to : failed === undefined ? null : end }));
    const trouble = failed?.id === id ? failed : lost?.id === id ? lost : undefined;
    const history = [
      { at: this.startedAt, text: 'registered → waiting', isTrouble: false },
      ...(at >= wait && !isHeld ? [{ at: this.startedAt + wait, text: 'waiting → starting', isTrouble: false }] : []),
      ...(at >= ready && broken === undefined
        ? [{ at: this.startedAt + ready, text: 'starting → running', isTrouble: false }]
        : []),
      ...(trouble === undefined
        ? []
        : [{ at: this.startedAt + (lost?.atMs ?? at), text: trouble.reason, isTrouble: true }]),
    ];
    return [
      {
        id,
        spans,
        history,
        restarts: id === 'Mail' && broken === undefined ? 2 : 0,
        nextAttemptAt: null,
        lastError:
          trouble === undefined
            ? null
            : {
                at: this.startedAt + (lost?.atMs ?? at),
                code: lost === undefined ? 'START_FAILED' : 'CHECK_FAILED',
                message: trouble.reason,
                hint: trouble.hint,
              },
      },
    ];
  }

  #news({ at, failed, lost, hangs }: Moment): Overview['news'] {
    const lines = [{ at: 0, type: 'boot-started', text: `boot of ${this.#specs.length} services`, isTrouble: false }];
    for (const { id, kind = 'service' } of this.#specs) {
      if (kind !== 'service' || id === hangs?.id || failed !== undefined) continue;
      if (at >= this.#ready(id))
        lines.push({ at: this.#ready(id), type: 'moved', text: `${id}: starting → running`, isTrouble: false });
    }
    if (failed !== undefined)
      lines.push({ at, type: 'boot-failed', text: `${failed.id}: ${failed.reason}`, isTrouble: true });
    if (lost !== undefined) {
      lines.push({
        at: lost.atMs,
        type: 'health-changed',
        text: `${lost.id}: healthy → unhealthy: ${lost.reason}`,
        isTrouble: true,
      });
      lines.push({ at: lost.atMs, type: 'gate-closed', text: `ShopSocket: because of ${lost.id}`, isTrouble: true });
    }
    return lines
      .sort((a, b) => a.at - b.at)
      .slice(-300)
      .map((line, n) => ({ ...line, n: n + 1, at: this.startedAt + line.at }));
  }

  #edges(at: number): DumpEdge[] {
    return this.#specs.flatMap(({ id, needs, optional = [], kind }) =>
      needs.map((to): DumpEdge => ({
        from: id,
        to,
        kind: 'needs',
        until: 'healthy',
        need: optional.includes(to) ? 'optional' : 'required',
        onLoss: optional.includes(to) ? 'degrade' : 'gate',
        source: 'declared',
        declaredAt: kind === 'value' ? null : `src/${id.toLowerCase()}.ts:12`,
        releasedAtMs: at >= this.#ready(to) ? this.#ready(to) : null,
      })),
    );
  }

  #criticalChain(): string[] {
    const byId = new Map(this.#specs.map((spec) => [spec.id, spec]));
    let last = this.#specs.reduce((a, b) => (this.#ready(b.id) > this.#ready(a.id) ? b : a));
    const chain = [last.id];
    for (;;) {
      const before = last.needs.filter((id) => this.#ready(id) > 1).sort((a, b) => this.#ready(b) - this.#ready(a))[0];
      if (before === undefined) return chain;
      chain.unshift(before);
      last = byId.get(before) as Spec;
    }
  }

  #slack(id: string): number {
    let latest = this.bootMs;
    for (const spec of this.#specs) {
      if (!spec.needs.includes(id)) continue;
      const { wait } = this.#times.get(spec.id) as Times;
      latest = Math.min(latest, wait + this.#slack(spec.id));
    }
    return latest - this.#ready(id);
  }
}

/** Six attempts with pauses between them, each twice as long as the one before. */
function attempts(wait: number): [Span['kind'], number, number][] {
  const spans: [Span['kind'], number, number][] = [['waiting', 0, wait]];
  let at = wait;
  for (let pause = 250; spans.length < 12; pause = Math.min(5_000, pause * 2)) {
    spans.push(['starting', at, at + 210], ['backoff', at + 210, at + 210 + pause]);
    at += 210 + pause;
  }
  return spans;
}

const BUDGET = { budgetMs: 120_000, writtenMs: 0, withDefaultsMs: 75_000, chain: [], says: 'fits' } as const;
