/** `npm run cluster`: builds the example of three instances and runs it in this process, so that Ctrl-C reaches it as it is. */
import { bundleCluster } from './bundle.mjs';

process.setSourceMapsEnabled(true);
await import(await bundleCluster());
