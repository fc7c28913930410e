/** The command as a user has it: `bin/muster.js` in a process of its own, run among the fixtures unless told otherwise. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export const fixtures = fileURLToPath(new URL('./fixtures/', import.meta.url));
export const root = fileURLToPath(new URL('../../../', import.meta.url));
const bin = fileURLToPath(new URL('../bin/muster.js', import.meta.url));

interface Surroundings {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** For Node itself. */
  readonly flags?: readonly string[];
}

export interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function muster(
  args: readonly string[],
  { cwd = fixtures, env = {}, flags = [] }: Surroundings = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...flags, bin, ...args],
      { cwd, env: { ...process.env, ...env }, timeout: 30_000 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : (error.code ?? error.signal), stdout, stderr }),
    );
  });
}

/** The JSON object in the last line of what a command printed. */
export function lastLine<T>({ stdout }: Pick<Ended, 'stdout'>): T {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) as string) as T;
}

/** A command that goes on; disposing of it kills it if it still runs. */
export class RunningMuster implements AsyncDisposable {
  readonly #child;
  readonly #output = { stdout: '', stderr: '' };
  readonly #ended: Promise<Ended>;
  #look = (): void => {};

  constructor(args: readonly string[], { cwd = fixtures, env = {} }: Surroundings = {}) {
    this.#child = spawn(process.execPath, [bin, ...args], { cwd, env: { ...process.env, ...env } });
    for (const name of ['stdout', 'stderr'] as const) {
      this.#child[name].setEncoding('utf8').on('data', (text: string) => {
        this.#output[name] += text;
        this.#look();
      });
    }
    this.#ended = once(this.#child, 'close').then(([code, signal]) => ({ code: code ?? signal, ...this.#output }));
  }

  /** Resolves to the first group of `pattern` as soon as the output has it. */
  async said(pattern: RegExp): Promise<string> {
    const found = new Promise<string>((resolve) => {
      this.#look = () => {
        const match = pattern.exec(this.#output.stdout) ?? pattern.exec(this.#output.stderr);
        if (match) resolve(match[1] ?? match[0]);
      };
    });
    this.#look();
    return Promise.race([
      found,
      this.#ended.then((ended) => Promise.reject(new Error(`the command ended: ${JSON.stringify(ended)}`))),
    ]);
  }

  /** Resolves when the process has ended. */
  get ended(): Promise<Ended> {
    return this.#ended;
  }

  /** Sends a signal and resolves when the process has ended. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#child.kill(signal);
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
