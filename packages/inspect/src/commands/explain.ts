/** `muster explain`: why one service is up or not, since when, what happens next, and what to do. */
import { explain, GraphView } from '@muster/core/graph';
import type { Request } from '../commands.ts';
import { EXIT } from '../exit.ts';
import { dumpOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

export async function explainNode(request: Request, terminal: Terminal): Promise<number> {
  const [source, name] = request.args as [string, string];
  const dump = await dumpOf(source, request);
  const node = new GraphView(dump).node(name);
  const text = explain(dump, node);
  if (request.json) terminal.printJson({ id: node.id, text, node });
  else terminal.print(text);
  return EXIT.good;
}
