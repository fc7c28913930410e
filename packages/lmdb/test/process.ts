/** Real processes on a data directory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const program = here('dist/writer.js');

/** Bundles the program once; LMDB itself is native and stays outside. */
export async function bundleWriter(): Promise<void> {
  const { bundleForNode } = (await import(new URL('../../../scripts/bundle.mjs', import.meta.url).href)) as {
    bundleForNode: (entry: string, outfile: string, options: object) => Promise<string>;
  };
  await bundleForNode(here('fixtures/writer.ts'), program, { external: ['lmdb'] });
}

/** A process that uses a directory; disposing of it kills it. */
export class Writer implements AsyncDisposable {
  static readonly #running = new Set<Writer>();

  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  output = '';
  #look: () => void = () => {};

  /** @param limit of the size of its files, in blocks of 512 bytes. */
  constructor(what: 'own' | 'append' | 'fill', directory: string, limit?: number) {
    const command =
      limit === undefined
        ? ([process.execPath, [program, what, directory]] as const)
        : (['sh', ['-c', `ulimit -f ${limit}; exec "$0" "$@"`, process.execPath, program, what, directory]] as const);
    this.child = spawn(command[0], command[1], { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.output += text;
        this.#look();
      });
    }
    Writer.#running.add(this);
    this.exited = once(this.child, 'close').finally(() => {
      Writer.#running.delete(this);
      this.#look();
    });
  }

  /** Resolves when it has said so often what fits. */
  async said(pattern: RegExp, times = 1): Promise<void> {
    const isThere = (): boolean => [...this.output.matchAll(new RegExp(pattern, 'gm'))].length >= times;
    await new Promise<void>((resolve, reject) => {
      this.#look = () => {
        if (isThere()) resolve();
        else if (this.child.exitCode !== null) reject(new Error(`the process ended; it said:\n${this.output}`));
      };
      this.#look();
    });
  }

  /** Kills all that still run, whatever became of their tests. */
  static async endAll(): Promise<void> {
    for (const writer of Writer.#running) await writer.kill();
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.kill();
  }
}
