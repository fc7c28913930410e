/**
 * The difference between two graphs as one HTML file that needs nothing else: to be kept by a build, and opened anywhere.
 *
 * Everything that comes from a dump is text in it.
 */
import type { GraphDiff, TimeChange } from '@muster/core/graph';
import { escapeText } from '@muster/core/graph';

/** @param names of the two sources. */
export function diffPage(diff: GraphDiff, names: { readonly before: string; readonly after: string }): string {
  const { nodes, edges, problems, slower, faster, criticalPath, wallMs } = diff;
  const sections = [
    section('Problems', [...items('✘', 'bad', problems.added), ...items('✔', 'good', problems.removed)]),
    section('Services', [...items('+', 'good', nodes.added), ...items('−', 'bad', nodes.removed)]),
    section('Dependencies', [
      ...items('+', 'good', edges.added),
      ...items('−', 'bad', edges.removed),
      ...items('~', 'busy', edges.changed, 'under other terms'),
    ]),
    times('Slower', 'bad', slower),
    times('Faster', 'good', faster),
    path('Critical path', criticalPath),
  ];
  const verdict = diff.isDifferent ? 'The graphs are different.' : 'No difference.';
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${html(`${names.before} and ${names.after}`)}</title>
<style>${STYLE}</style>
<main>
<h1>${verdict}</h1>
<p class="soft">${html(names.before)} <span aria-label="to">→</span> ${html(names.after)}${boot(wallMs)}</p>
${sections.filter((each) => each !== '').join('\n')}
</main>
</html>
`;
}

type Tone = 'good' | 'bad' | 'busy';

function section(title: string, rows: readonly string[]): string {
  return rows.length === 0 ? '' : `<section><h2>${title}</h2><ul>${rows.join('')}</ul></section>`;
}

function items(mark: string, tone: Tone, texts: readonly string[], more = ''): string[] {
  const rest = more === '' ? '' : ` <span class="soft">${more}</span>`;
  return texts.map((text) => `<li><b class="${tone}">${mark}</b><span>${html(text)}${rest}</span></li>`);
}

/** Before and after as bars of one scale. */
function times(title: string, tone: Tone, changes: readonly TimeChange[]): string {
  if (changes.length === 0) return '';
  const most = Math.max(...changes.flatMap(({ beforeMs, afterMs }) => [beforeMs, afterMs]));
  const bar = (ms: number, kind: string): string =>
    `<svg class="bar" aria-hidden="true"><rect class="${kind}" width="${((ms / most) * 100).toFixed(2)}%" height="8"/></svg>`;
  const rows = changes.map(
    ({ id, beforeMs, afterMs }) =>
      `<tr><th scope="row">${html(id)}</th><td>${bar(beforeMs, 'before')}${bar(afterMs, tone)}</td><td class="number">${ms(beforeMs)}</td><td class="number ${tone}">${ms(afterMs)}</td></tr>`,
  );
  const head =
    '<tr class="soft"><th scope="col">Service</th><th></th><th scope="col" class="number">before</th><th scope="col" class="number">after</th></tr>';
  return `<section><h2>${title}</h2><table>${head}${rows.join('')}</table></section>`;
}

function path(title: string, { before, after, moved, isLonger, beforeMs, afterMs }: GraphDiff['criticalPath']): string {
  if (!moved && !isLonger) return '';
  const one = (name: string, nodes: readonly string[], took: number): string =>
    `<li><b class="soft">${name}</b><span>${nodes.map(html).join(' → ') || 'none'} <span class="soft">${ms(took)}</span></span></li>`;
  return `<section><h2>${title}</h2><ul class="wide">${one('before', before, beforeMs)}${one('after', after, afterMs)}</ul></section>`;
}

function boot({ before, after }: GraphDiff['wallMs']): string {
  return before === null || after === null ? '' : ` · boot ${ms(before)} → ${ms(after)}`;
}

function ms(value: number): string {
  return value >= 1_000 ? `${(value / 1_000).toFixed(2)} s` : `${Math.round(value)} ms`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as text, and what could turn it around or hide in it made visible. */
function html(text: string): string {
  return escapeText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

const STYLE = `
:root{color-scheme:light dark;--ink:#1a2130;--soft:#5a6578;--line:#e2e6ed;--paper:#fff;--ground:#f5f6f9;--good:#14764f;--bad:#c0342b;--busy:#2563c9;--before:#b9c1ce}
@media (prefers-color-scheme:dark){:root{--ink:#e4e8ef;--soft:#98a3b5;--line:#2a313d;--paper:#171b22;--ground:#101319;--good:#4cc38f;--bad:#ff8178;--busy:#78aaf8;--before:#485264}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:14px/1.45 system-ui,'Segoe UI',Arial,sans-serif}
main{max-width:960px;margin:0 auto;padding:32px 20px}h1{font-size:22px;margin:0}h2{font-size:15px;margin:0 0 10px}p{margin:4px 0 24px;overflow-wrap:anywhere}
section{background:var(--paper);border:1px solid var(--line);border-radius:8px;padding:16px 18px;margin-bottom:14px;overflow-x:auto}
ul{list-style:none;margin:0;padding:0;display:grid;gap:4px}li{display:grid;grid-template-columns:18px 1fr;gap:8px;overflow-wrap:anywhere}ul.wide li{grid-template-columns:60px 1fr}
table{width:100%;border-collapse:collapse}th{text-align:left;font-weight:600;padding:3px 12px 3px 0}th.number{text-align:right;padding:3px 0 3px 12px}tr.soft th{font-weight:400}td{padding:3px 0 3px 12px;vertical-align:middle}
td:nth-child(2){width:50%}.bar{display:block;width:100%;height:9px}.bar rect{fill:currentColor}.bar .before{fill:var(--before)}.bar .good{fill:var(--good)}.bar .bad{fill:var(--bad)}
.number{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}.soft{color:var(--soft)}.good{color:var(--good)}.bad{color:var(--bad)}.busy{color:var(--busy)}
`.trim();
