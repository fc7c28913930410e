/** `muster graph`: the graph of an entry, a dump or a running app, or of several as one, in the form that is asked for. */
import type { GraphDump } from '@muster/contracts';
import type { Request } from '../commands.ts';
import { EXIT } from '../exit.ts';
import { namesOf } from '../live/instance-names.ts';
import { dumpOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

export async function graph(request: Request, terminal: Terminal): Promise<number> {
  const dumps = await Promise.all(request.args.map((source) => dumpOf(source, request)));
  const dump = dumps.length === 1 ? (dumps[0] as GraphDump) : await merged(dumps, request.args);
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

async function merged(dumps: readonly GraphDump[], sources: readonly string[]): Promise<GraphDump> {
  const { mergeGraphs } = await import('@muster/core/graph');
  const names = namesOf(dumps.map(({ instance }, index) => instance ?? (sources[index] as string)));
  return mergeGraphs(new Map(dumps.map((dump, index) => [names[index] as string, dump])));
}
