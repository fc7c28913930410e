/** Real processes of the repository: bundled once, started with an environment, read line by line. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** The flagship as `npm start` runs it; built once, before the tests. */
export const chat = `${root}examples/chat/dist/main.js`;

/** Bundles one example so that Node can run it. */
export async function bundleExample(entry: string, outfile: string): Promise<string> {
  const scripts = (await import(new URL('../../scripts/bundle.mjs', import.meta.url).href)) as {
    bundleForNode(entry: string, outfile: string): Promise<string>;
  };
  return scripts.bundleForNode(`${root}${entry}`, outfile);
}

/** A process under test; disposing of it kills it if it still runs. */
export class RunningProcess implements AsyncDisposable {
  static readonly #running = new Set<RunningProcess>();
  readonly child: ChildProcess;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #output = '';
  #isOver = false;
  #waiters: { look: () => boolean; reject: (error: Error) => void }[] = [];

  constructor(file: string, env: Readonly<Record<string, string>> = {}) {
    this.child = spawn(process.execPath, [file], {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    RunningProcess.#running.add(this);
    const read = (chunk: Buffer): void => {
      this.#output += chunk.toString('utf8');
      this.#waiters = this.#waiters.filter((waiter) => !waiter.look());
    };
    this.child.stdout?.on('data', read);
    this.child.stderr?.on('data', read);
    this.exited = once(this.child, 'close').then(([code, signal]) => {
      this.#isOver = true;
      RunningProcess.#running.delete(this);
      for (const waiter of this.#waiters) waiter.reject(this.#ended());
      return { code: code as number | null, signal: signal as NodeJS.Signals | null };
    });
  }

  /** Kills all that still run. */
  static async endAll(): Promise<void> {
    for (const process of RunningProcess.#running) await process[Symbol.asyncDispose]();
  }

  get output(): string {
    return this.#output;
  }

  /** Resolves to the first group of `pattern` as soon as the output has it. */
  async said(pattern: RegExp): Promise<string> {
    const match = await this.until(() => pattern.exec(this.#output) ?? undefined);
    return match[1] ?? match[0];
  }

  /** Resolves to what `look` finds, asked again whenever the process has said more; rejects when it ends before. */
  until<T>(look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const isThere = (): boolean => {
        const found = look();
        if (found !== undefined) resolve(found);
        return found !== undefined;
      };
      if (isThere()) return;
      if (this.#isOver) reject(this.#ended());
      else this.#waiters.push({ look: isThere, reject });
    });
  }

  /** Where it listens, as soon as it does. */
  async url(): Promise<string> {
    return this.said(/Listening on (http:\S+)/);
  }

  #ended(): Error {
    return new Error(`the process ended; it said:\n${this.#output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) this.child.kill('SIGKILL');
    await this.exited;
  }
}
