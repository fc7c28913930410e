/** Builds the flagship once before any test, so that no two tests write the same files. */
import { bundleChat } from '../scripts/bundle.mjs';

export default async function setup() {
  await bundleChat();
}
