/** `muster diff`: what is different between two graphs, with an exit code as diff(1) has it. */
import { diffGraphs, type GraphDiff, renderDiff } from '@muster/core';
import type { Request } from '../commands.ts';
import { EXIT } from '../exit.ts';
import { dumpOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

export async function diff(request: Request, terminal: Terminal): Promise<number> {
  const [before, after] = request.args as [string, string];
  const difference = diffGraphs(await dumpOf(before, request), await dumpOf(after, request));
  if (request.json) terminal.printJson(difference);
  else terminal.print(renderDiff(difference));
  return isDifferent(difference) ? EXIT.bad : EXIT.good;
}

/** A boot time alone is none, because no two boots take the same; nor is a path that only one has, because a plan has none. */
function isDifferent({ nodes, edges, problems, slower, faster, criticalPath }: GraphDiff): boolean {
  const { before, after, moved } = criticalPath;
  const lists = [...Object.values(nodes), ...Object.values(edges), ...Object.values(problems), slower, faster];
  return (moved && before.length > 0 && after.length > 0) || lists.some((list) => list.length > 0);
}
