/** What `muster diff` takes for a difference: its exit code, and its page, in which everything is text. */
import { afterAll, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GraphDump } from '@muster/contracts';
import { createApp, service } from '@muster/core';
import { diff } from '../src/commands/diff.ts';
import type { Request } from '../src/commands.ts';
import type { Terminal } from '../src/terminal.ts';

@service()
class Database {}

@service({ dependsOn: [Database] })
class Orders {
  constructor(readonly database: Database) {}
}

const plan = createApp({ services: [Orders, Database] })
  .graph()
  .toJSON();
/** As after a boot, with the times of its services. */
const ran: GraphDump = {
  ...plan,
  wallMs: 300,
  criticalPath: { nodes: ['Database', 'Orders'], ms: 200 },
  nodes: plan.nodes.map((node) => ({ ...node, startMs: 100 })),
};
const scratch = mkdtempSync(join(tmpdir(), 'muster-diff-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** The exit code, and what is printed. */
async function compared(before: GraphDump, after: GraphDump, format?: string): Promise<[number, string]> {
  const args = [before, after].map((dump, at) => {
    const file = join(scratch, `${at}.json`);
    writeFileSync(file, JSON.stringify(dump));
    return file;
  });
  let printed = '';
  const print = (text: string): void => void (printed += text);
  const terminal = { print, printPlain: print } as unknown as Terminal;
  return [await diff({ args, format, json: false } as unknown as Request, terminal), printed];
}

it.each<[string, GraphDump, number, RegExp]>([
  ['nothing', ran, 0, /^No difference\.\n$/],
  ['an edge that is lost', { ...ran, edges: [] }, 1, /^- Orders → Database$/m],
  [
    'an edge under other terms',
    { ...ran, edges: ran.edges.map((edge) => ({ ...edge, need: 'optional' as const })) },
    1,
    /^~ Orders → Database, under other terms$/m,
  ],
  [
    'a critical path that takes longer',
    { ...ran, criticalPath: { ...ran.criticalPath, ms: 250 } },
    1,
    /^▲ critical path: 200 ms ⇒ 250 ms$/m,
  ],
  [
    'one that takes hardly longer',
    { ...ran, criticalPath: { ...ran.criticalPath, ms: 205 } },
    0,
    /^No difference\.\n$/,
  ],
  [
    'a critical path that goes elsewhere',
    { ...ran, criticalPath: { ...ran.criticalPath, nodes: ['Database'] } },
    1,
    /^◆ critical path: Database → Orders {2}⇒ {2}Database$/m,
  ],
  [
    'a service that takes longer',
    { ...ran, nodes: ran.nodes.map((node) => ({ ...node, startMs: node.id === 'Orders' ? 130 : 100 })) },
    1,
    /^▲ Orders: 100 ms ⇒ 130 ms$/m,
  ],
  ['the time of the boot alone', { ...ran, wallMs: 900 }, 0, /^boot 300 ms ⇒ 900 ms\n$/],
  ['a plan, which has no times', plan, 0, /^No difference\.\n$/],
])('of %s', async (_, after, code, says) => {
  const [ended, printed] = await compared(ran, after);
  expect([ended, printed]).toEqual([code, expect.stringMatching(says)]);
});

it('is a page in which a name is text, and what could turn it around is visible', async () => {
  const evil = `<script>alert(1)</script>\u202e`;
  const nodes = [...ran.nodes, { ...(ran.nodes[0] as GraphDump['nodes'][number]), id: evil }];
  const [code, page] = await compared(ran, { ...ran, nodes }, 'html');
  expect(code).toBe(1);
  expect(page).toContain('&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}');
  expect(page).not.toMatch(/<script|\u202e/);
});
