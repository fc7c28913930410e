/**
 * What makes tests of sources: with `MUSTER_MUTANT`, a replacement as JSON, of a product that lacks one mechanism.
 */
import { createTransformer as swc } from '@swc/jest';

const { file, find, replace } = JSON.parse(process.env['MUSTER_MUTANT'] ?? '{}');

function mutated(source, path) {
  if (file === undefined || !path.endsWith(`/${file}`)) return source;
  if (source.split(find).length !== 2) throw new Error(`A mutant does not fit ${file} any more.`);
  return source.replace(find, () => replace);
}

export default {
  createTransformer(options) {
    const { process, processAsync, getCacheKey, ...rest } = swc(options);
    return {
      ...rest,
      process: (source, path, ...others) => process(mutated(source, path), path, ...others),
      processAsync: (source, path, ...others) => processAsync(mutated(source, path), path, ...others),
      getCacheKey: (source, path, ...others) => getCacheKey(mutated(source, path), path, ...others),
    };
  },
};
