/** Asks the inspector of a running app for its dump. */
import type { GraphDump } from '@muster/contracts';
import { askInspector, inspectorAt } from './ask-inspector.ts';
import { readDump } from './read-dump.ts';

/**
 * @param address of the inspector; the dump is looked for at the path below it, unless it names a `.json` itself.
 * @throws MusterError `NO_DUMP`, and as `askInspector`.
 */
export async function dumpOfRunningApp(address: string, path: string, token: string | undefined): Promise<GraphDump> {
  const at = inspectorAt(address);
  if (!at.pathname.endsWith('.json')) at.pathname = `${at.pathname.replace(/\/$/, '')}${path}`;
  const url = at.href;
  const read = (response: Response): Promise<string> => response.text();
  return readDump(url, await askInspector({ url, accept: 'application/json', token, read }));
}
