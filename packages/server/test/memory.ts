/** How much memory this process uses, without what nobody can reach any more. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
/** Collects what nobody can reach. */
export const gc = runInNewContext('gc') as () => void;

/** Buffers are given back beside a collection and not in it, so it is asked for until nothing changes any more. */
const STILL = 2;
const GRAIN = 65_536;

/** Bytes on the heap and in buffers. */
export async function usedMemory(): Promise<number> {
  let least = Infinity;
  for (let still = 0; still < STILL; still += 1) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
    const { heapUsed, external } = process.memoryUsage();
    if (heapUsed + external < least - GRAIN) still = 0;
    least = Math.min(least, heapUsed + external);
  }
  return least;
}
