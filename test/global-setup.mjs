/**
 * Once, before any test: builds the flagship, so that no two tests write the same files, and says how Node runs in the workers
 * and in whatever these start.
 */
import { fileURLToPath } from 'node:url';
import { bundleChat } from '../scripts/bundle.mjs';

export default async function setup() {
  const file = fileURLToPath(new URL('late-optimizer.cjs', import.meta.url));
  process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --require ${JSON.stringify(file)}`;
  await bundleChat();
}
