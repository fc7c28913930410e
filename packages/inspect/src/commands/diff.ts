/** `muster diff`: what is different between two graphs, with an exit code as diff(1) has it. */
import { diffGraphs, renderDiff } from '@muster/core/graph';
import type { Request } from '../commands.ts';
import { EXIT } from '../exit.ts';
import { dumpOf } from '../sources/dump-of.ts';
import type { Terminal } from '../terminal.ts';

export async function diff(request: Request, terminal: Terminal): Promise<number> {
  const [before, after] = request.args as [string, string];
  const difference = diffGraphs(await dumpOf(before, request), await dumpOf(after, request));
  if (request.json) terminal.printJson(difference);
  else if (request.format === 'html') {
    const { diffPage } = await import('../diff-page.ts');
    terminal.printPlain(diffPage(difference, { before, after }));
  } else terminal.print(renderDiff(difference));
  return difference.isDifferent ? EXIT.bad : EXIT.good;
}
