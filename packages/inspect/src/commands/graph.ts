/** `muster graph`: the graph of an entry, a dump or a running app, in the form that is asked for. */
import type { Request } from '../commands.ts';
import { EXIT } from '../exit.ts';
import { dumpOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

export async function graph(request: Request, terminal: Terminal): Promise<number> {
  const [source] = request.args as [string];
  const dump = await dumpOf(source, request);
  if (request.json) terminal.printJson(dump);
  else if (request.format === 'json') terminal.printPlain(`${JSON.stringify(dump, null, 2)}\n`);
  else {
    const { GraphView } = await import('@muster/core/graph');
    const view = new GraphView(dump);
    if (request.format === 'mermaid') terminal.printPlain(view.toMermaid());
    else if (request.format === 'dot') terminal.printPlain(view.toDot());
    else terminal.print(String(view));
  }
  return EXIT.good;
}
