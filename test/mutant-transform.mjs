/**
 * Makes JavaScript of TypeScript for Jest. With a mutant as JSON in `MUSTER_MUTANT`, its source file lacks one mechanism, so that
 * a test can be seen to fail.
 */
import { createTransformer as swc } from '@swc/jest';
import { mutated } from '../scripts/mutants.mjs';

const mutant = JSON.parse(process.env['MUSTER_MUTANT'] ?? 'null');
const lacking = (source, path) =>
  mutant !== null && path.endsWith(`/${mutant.file}`) ? mutated(source, mutant) : source;

export default {
  createTransformer(options) {
    const { process, processAsync, getCacheKey, ...rest } = swc(options);
    return {
      ...rest,
      process: (source, path, ...others) => process(lacking(source, path), path, ...others),
      processAsync: (source, path, ...others) => processAsync(lacking(source, path), path, ...others),
      getCacheKey: (source, path, ...others) => getCacheKey(lacking(source, path), path, ...others),
    };
  },
};
