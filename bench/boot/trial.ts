/**
 * One contender in a process of its own: boots one shape again and again, and prints what each boot took.
 *
 * It believes nobody: every start is recorded, and a service that starts twice, never, or before what it needs fails the trial.
 */
import { chain, criticalPath, layers, LONG_MS, type Shape, withoutWork } from './shape.ts';
import type { Define, Start } from './contender.ts';

/** What one boot took. */
export interface Timing {
  /** From the call that boots to all services started, in milliseconds; what was defined before is not in it. */
  readonly wallMs: number;
  /** The critical path, each start weighing what it really took in this boot. */
  readonly criticalMs: number;
  /** The critical path, each start weighing what it was told to take. */
  readonly declaredMs: number;
  /** CPU time of the process for definition and boot, in microseconds. */
  readonly cpuUs: number;
}

const SHAPES: Readonly<Record<string, (count: number) => Shape>> = {
  layers,
  free: (count) => withoutWork(layers(count)),
  chain,
};

/** Records every start, and throws where the order is wrong. */
class Witness {
  readonly #shape: Shape;
  readonly #began: Float64Array;
  readonly #ended: Float64Array;
  #started = 0;

  constructor(shape: Shape) {
    this.#shape = shape;
    this.#began = new Float64Array(shape.needs.length).fill(Number.NaN);
    this.#ended = new Float64Array(shape.needs.length).fill(Number.NaN);
  }

  readonly start: Start = (service) => {
    if (!Number.isNaN(this.#began[service])) throw new Error(`service ${service} was started twice`);
    for (const need of this.#shape.needs[service] as readonly number[]) {
      if (Number.isNaN(this.#ended[need])) throw new Error(`service ${service} was started before ${need}`);
    }
    this.#began[service] = performance.now();
    const ms = this.#shape.startMs[service] as number;
    if (ms === 0) return this.#end(service);
    return new Promise((resolve) => {
      setTimeout(() => resolve(this.#end(service)), ms);
    });
  };

  /** How long each start took; throws when one is missing. */
  took(): number[] {
    const missing = this.#shape.needs.length - this.#started;
    if (missing > 0) throw new Error(`${missing} services were not started when the boot was over`);
    return Array.from(this.#began, (began, service) => (this.#ended[service] as number) - began);
  }

  #end(service: number): void {
    this.#ended[service] = performance.now();
    this.#started += 1;
  }
}

async function boot(define: Define, shape: Shape): Promise<Timing> {
  const { needs, startMs } = shape;
  const witness = new Witness(shape);
  const cpu = process.cpuUsage();
  const run = await define(needs, witness.start);
  const began = performance.now();
  const stop = await run();
  const wallMs = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  const took = witness.took();
  await stop?.();
  return {
    wallMs,
    criticalMs: criticalPath(needs, took),
    declaredMs: criticalPath(needs, startMs),
    cpuUs: user + system,
  };
}

const [contender = '', name = '', count = '', rounds = ''] = process.argv.slice(2);
const { define } = (await import(contender)) as { define: Define };
const shape = (SHAPES[name] as (count: number) => Shape)(Number(count));
const timings: Timing[] = [];
for (let round = 0; round < Number(rounds); round += 1) {
  const timing = await boot(define, shape);
  timings.push(timing);
  if (timing.wallMs > LONG_MS) break;
}
console.log(JSON.stringify(timings));
process.exit(0);
