/** `npm start`: builds the flagship and runs it in this process, so that Ctrl-C reaches it as it is. */
import { bundleChat } from './bundle.mjs';

process.setSourceMapsEnabled(true);
await import(await bundleChat());
