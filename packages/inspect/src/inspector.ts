/**
 * `inspector()`: what people and machines see of an app, on a listener of its own.
 *
 * It is up before anything is validated and goes last, so a boot that hangs or fails can be looked at. It changes nothing:
 * whatever goes wrong in it is told as a `fault`, and the app goes on.
 */
import { errorsFrom, type Timer } from '@muster/contracts';
import {
  type AppInspector,
  CORE_ERRORS,
  EventLog,
  type InspectedApp,
  Instances,
  KeyValueStore,
  probeVerdict,
} from '@muster/core';
import type { ServerResponse } from 'node:http';
import { Registry } from 'prom-client';
import { Backlog } from './backlog.ts';
import { inspectError } from './errors.ts';
import { Access, LOOPBACK } from './listener/access.ts';
import { answerJson, answerText, begin } from './listener/answers.ts';
import { EventStream } from './listener/event-stream.ts';
import { type Asked, Listener, type Routes } from './listener/listener.ts';
import { Exchange } from './live/exchange.ts';
import { LiveView } from './live/live-view.ts';
import { Pages } from './live/pages.ts';
import type { RunAt } from './live/runs.ts';
import { Metrics } from './metrics/metrics.ts';

export interface InspectorOptions {
  /** 0 takes any free port. @default 9464 */
  readonly port?: number;
  /** An address that others can reach needs a `token`. @default '127.0.0.1' */
  readonly host?: string;
  /** Names beside those of this machine under which it may be asked: of a proxy or a tunnel. @default [] */
  readonly hosts?: readonly string[];
  /** What has to be shown: as `Authorization: Bearer …`, or once as `/?token=…` in a browser. @default nothing, on a loopback address */
  readonly token?: string;
  /** Shows the data of events: texts of users, parameters and results of tools. @default false */
  readonly payloads?: boolean;
  /** Where metrics are kept; one that has others shows all at `/metrics`. @default a registry of its own */
  readonly registry?: Registry;
  /** How long an app whose boot has failed can still be looked at before it ends, in milliseconds; a signal ends it at once. @default 0 */
  readonly holdAfterFailureMs?: number;
}

export const INSPECTOR_DEFAULTS = { port: 9464, host: '127.0.0.1', holdAfterFailureMs: 0 } as const;

const coreError = errorsFrom(CORE_ERRORS);
/** How long the names at a probe are good for where nothing has happened to the graph, in milliseconds. */
const NAMED_MS = 1_000;
/** Files of the page that are served under their own names. */
const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  svg: 'image/svg+xml',
};

/**
 * Makes the `inspect` of `createApp`.
 *
 * @throws MusterError `INSPECT_UNGUARDED` for an address that others can reach without a token; `OPTION_INVALID`.
 */
export function inspector(options: InspectorOptions = {}): Inspector {
  return new Inspector(options);
}

export class Inspector implements AppInspector, Routes {
  readonly #options: InspectorOptions;
  readonly #host: string;
  readonly #access: Access;
  readonly #listener: Listener;
  #app: InspectedApp | undefined;
  #backlog: Backlog | undefined;
  #view: LiveView | undefined;
  #pages: Pages | undefined;
  #metrics: Metrics | undefined;
  /** What a probe with names was told last. */
  #named: { readonly version: number; readonly at: number; readonly names: object } | undefined;
  /** Where there are other instances, from the moment in which they are known. */
  #exchange: Exchange | undefined;
  #begun: Promise<string> | undefined;
  #url: string | undefined;
  #hold: Timer | undefined;
  #release: (() => void) | undefined;
  #isClosed = false;

  constructor(options: InspectorOptions) {
    const { host = INSPECTOR_DEFAULTS.host, hosts = [], token } = options;
    checkToken(host, token);
    checkNumber('inspect.port', options.port, 65_535);
    checkNumber('inspect.holdAfterFailureMs', options.holdAfterFailureMs, 2 ** 31);
    this.#options = options;
    this.#host = host;
    this.#access = new Access({ hosts: [...LOOPBACK, host, ...hosts], token });
    this.#listener = new Listener(this.#access, this);
  }

  /** Where it listens; undefined before. */
  get url(): string | undefined {
    return this.#url;
  }

  attach(app: InspectedApp): void {
    const payloads = this.#options.payloads ?? false;
    this.#app = app;
    const backlog = new Backlog({
      events: app.events,
      clock: app.clock,
      isStarting: () => app.state() === 'starting',
      failed: (error) => this.faulty(error),
    });
    this.#backlog = backlog;
    this.#view = new LiveView(app, payloads, backlog);
    this.#pages = new Pages(app, this.#view, payloads);
    app.events.on((event) => {
      // Others see its boot as well, from the moment in which it is known to them.
      if (event.type === 'moved' && event.subject === Instances.name && event.to === 'running') this.#meetOthers(app);
      // Before the store is stopped.
      if (event.type === 'stop-started') void this.#exchange?.close();
    });
    this.#metrics = new Metrics(app, this.#options.registry ?? new Registry(), backlog);
  }

  /** Twice is once: whoever wants to know where it listens can ask as well. */
  begin(): Promise<string> {
    this.#begun ??= this.#begin();
    return this.#begun;
  }

  async failed(): Promise<void> {
    const holdMs = this.#options.holdAfterFailureMs ?? INSPECTOR_DEFAULTS.holdAfterFailureMs;
    await this.#begun?.catch(() => {});
    if (holdMs === 0 || this.#url === undefined || this.#isClosed) return;
    await new Promise<void>((resolve) => {
      this.#release = resolve;
      this.#hold = this.#app?.clock.schedule(holdMs, resolve);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#hold?.cancel();
    this.#release?.();
    // Whoever has begun it is told where that has failed.
    await this.#begun?.catch(() => {});
    this.#pages?.close();
    this.#backlog?.close();
    this.#metrics?.close();
    await this.#listener.close();
  }

  isOpen(path: string): boolean {
    return path === '/' || /^\/page\.|^\/icon\.svg$|^\/(livez|readyz|startupz)$/.test(path);
  }

  async answer(asked: Asked): Promise<boolean> {
    const { response, path } = asked;
    const app = this.#app as InspectedApp;
    if (path.startsWith('/api/')) return this.#stream(asked);
    if (path === '/muster/graph.json') answerJson(response, 200, app.graph());
    else if (path === '/muster/graph.txt') answerText(response, 200, String(app.graph()));
    else if (path === '/muster/cluster.json')
      answerJson(response, 200, this.#exchange === undefined ? app.graph() : await this.#exchange.merged());
    else if (path === '/metrics') await this.#scrape(response);
    else if (!this.#probe(asked, app)) return this.#file(asked);
    return true;
  }

  /** What went wrong while it answered. */
  faulty(error: unknown): void {
    const { events, clock } = this.#app as InspectedApp;
    events.emit({ type: 'fault', component: 'inspector', correlation: null, error, at: clock.now() });
  }

  async #begin(): Promise<string> {
    this.#metrics?.begin();
    this.#url = await this.#listener.listen(this.#host, this.#options.port ?? INSPECTOR_DEFAULTS.port);
    return this.#url;
  }

  #meetOthers(app: InspectedApp): void {
    const store = app.find(KeyValueStore);
    const instances = app.find(Instances);
    if (store?.isShared !== true || instances === undefined || this.#exchange !== undefined) return;
    this.#exchange = new Exchange(app, this.#view as LiveView, store, instances, (error) => this.faulty(error));
  }

  async #stream({ response, path, request, query }: Asked): Promise<boolean> {
    const [, , what, name, ...rest] = path.split('/');
    if (rest.length > 0 || request.method === 'HEAD') return false;
    const other = this.#other(query.get('instance'));
    if (what === 'live' && name === undefined) return this.#showApp(response, other);
    if (what !== 'runs' || name === undefined) return false;
    const run = decoded(name);
    return run !== undefined && this.#showRun(response, run, other);
  }

  /** Undefined for this instance, and null for one that is not known. */
  #other(instance: string | null): string | null | undefined {
    if (instance === null || instance === this.#app?.find(Instances)?.id) return undefined;
    return this.#exchange?.knows(instance) === true ? instance : null;
  }

  #showApp(response: ServerResponse, other: string | null | undefined): boolean {
    if (other === null) return false;
    const stream = new EventStream(response);
    if (other === undefined) this.#pages?.show(stream);
    else this.#pages?.showOther(stream, other, this.#exchange as Exchange);
    return true;
  }

  async #showRun(response: ServerResponse, run: string, other: string | null | undefined): Promise<boolean> {
    if (other === null || this.#app?.find(EventLog) === undefined) return false;
    const known = other === undefined ? await this.#findRun(run) : await this.#runOf(other, run);
    if (known === undefined) return false;
    return this.#pages?.showRun(new EventStream(response), known, this.#exchange) === true;
  }

  /** One of this instance, else one of any other. */
  async #findRun(run: string): Promise<RunAt | undefined> {
    return this.#view?.runs.find(run) ?? (await this.#exchange?.findRun(run));
  }

  async #runOf(instance: string, run: string): Promise<RunAt | undefined> {
    const shown = await this.#exchange?.shown(instance);
    return shown?.runs.find((each) => each.run === run);
  }

  async #scrape(response: ServerResponse): Promise<void> {
    const metrics = this.#metrics as Metrics;
    answerText(response, 200, await metrics.text(), { 'content-type': metrics.contentType });
  }

  #probe({ response, request, path, query }: Asked, app: InspectedApp): boolean {
    const verdict = probeVerdict(path, app.state(), app.gate());
    if (verdict === undefined) return false;
    const mayName = query.has('verbose') && this.#access.refuseUnknown(request) === undefined;
    answerJson(response, verdict.status, mayName ? { ...verdict.body, ...this.#names(app) } : verdict.body);
    return true;
  }

  /** The graph is not made anew for every probe. */
  #names(app: InspectedApp): object {
    const version = this.#view?.version ?? 0;
    const at = app.clock.monotonic();
    if (this.#named?.version !== version || at - this.#named.at >= NAMED_MS)
      this.#named = { version, at, names: namesIn(app) };
    return this.#named.names;
  }

  /** The page, which is loaded with its first reader. */
  async #file({ response, path, query }: Asked): Promise<boolean> {
    const name = path === '/' ? 'index.html' : path.slice(1);
    const token = query.get('token');
    const cookie = path === '/' && token !== null ? this.#access.cookieFor(token) : undefined;
    if (cookie !== undefined) {
      // A token in an address ends up in histories.
      begin(response, 303, { location: '/', 'set-cookie': cookie });
      response.end();
      return true;
    }
    const { assets }: { assets: Readonly<Record<string, string>> } = await import('@muster/inspect/page-assets');
    const text = Object.hasOwn(assets, name) ? assets[name] : undefined;
    if (text === undefined) return false;
    const type = TYPES[name.split('.').at(-1) ?? ''];
    answerText(response, 200, text, type === undefined ? {} : { 'content-type': type });
    return true;
  }
}

/** What blocks the gate, and how each service is. */
function namesIn(app: InspectedApp): object {
  const { gate, nodes } = app.graph().toJSON();
  const alive = nodes.filter(({ phase }) => phase !== '-');
  const services = Object.fromEntries(alive.map(({ id, phase, health }) => [id, `${phase}, ${health}`]));
  return { blockedBy: gate.blockedBy, services };
}

function checkToken(host: string, token: string | undefined): void {
  if (token === undefined && !LOOPBACK.includes(host)) throw inspectError('INSPECT_UNGUARDED', { host });
  if (token !== undefined && token.length < 16)
    throw coreError('OPTION_INVALID', {
      option: 'inspect.token',
      expected: '16 characters or more',
      got: `${token.length}`,
    });
}

function checkNumber(option: string, value: number | undefined, most: number): void {
  if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= most)) return;
  throw coreError('OPTION_INVALID', { option, expected: `a whole number from 0 to ${most}`, got: String(value) });
}

/** What stands in a path; undefined where it is not written as paths are. */
function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part);
  } catch {
    return undefined;
  }
}
