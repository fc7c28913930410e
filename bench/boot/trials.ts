/**
 * Runs contenders of the boot bench, each trial in a fresh process, and keeps what they took; a crash is a result too.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { BenchOptions } from '../measure.ts';
import type { Timing } from './trial.ts';

export interface Contender {
  readonly name: string;
  /** Below `bench/`; exports a `Define` named `define`. */
  readonly file: string;
  /** It starts one service after another, whatever the graph. */
  readonly oneByOne?: true;
}

/** What a contender's boots took, or why there is nothing. */
export type Outcome = readonly Timing[] | { readonly why: string };

const GIVE_UP_MS = 60_000;

export class Trials {
  readonly #program: string;
  readonly #files: ReadonlyMap<Contender, string>;

  private constructor(program: string, files: ReadonlyMap<Contender, string>) {
    this.#program = program;
    this.#files = files;
  }

  /** Bundles the contenders, so that none pays for the number of its files. */
  static async of(contenders: readonly Contender[], { bundle }: BenchOptions): Promise<Trials> {
    const files = await Promise.all(contenders.map(async (each) => [each, await bundle(each.file)] as const));
    return new Trials(await bundle('boot/trial.ts'), new Map(files));
  }

  /** Boots `count` services of a shape `boots` times in one process. Never rejects. */
  async run(contender: Contender, shape: string, count: number, boots: number): Promise<Outcome> {
    const args = [this.#program, this.#files.get(contender) as string, shape, `${count}`, `${boots}`];
    try {
      const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: GIVE_UP_MS });
      return JSON.parse(stdout.trim().split('\n').at(-1) as string) as Timing[];
    } catch (error) {
      const { killed, stderr = '' } = error as { killed?: boolean; stderr?: string };
      if (killed === true) return { why: `it took longer than ${GIVE_UP_MS / 1_000} s` };
      return { why: /^\w*Error.*$/m.exec(stderr)?.[0] ?? 'it crashed' };
    }
  }
}

/** Both outcomes as one; what failed once has failed. */
export function joined(before: Outcome | undefined, more: Outcome): Outcome {
  if (before === undefined || 'why' in more) return more;
  return 'why' in before ? before : [...before, ...more];
}
