import { Content } from '../packages/agents/src/content/content.ts';
import { RunNews } from '../packages/agents/src/runs/run-news.ts';
import { RunRecorder } from '../packages/agents/src/runs/run-recorder.ts';
import { UserEmitter } from '../packages/agents/src/runs/user-emitter.ts';
import { RuntimeEvents, streamOf, systemClock, MemoryLog, systemRandom } from '@muster/core';
import { preciseNow, textAt } from './events/protocol.ts';
const log = new MemoryLog(systemClock, systemRandom, () => {}, { keepEvents: 1000 });
const events = new RuntimeEvents();
const shared = { clock: systemClock, content: new Content() };
const principal = { user: 'u', claims: {} } as never;
let k = 0;
async function one() {
  const run = `run-${++k}`;
  const emitter = new UserEmitter(principal, 'thread', log, run);
  const about = { run, agent: 'bench', user: 'u', thread: 'thread', stream: streamOf(principal, 'thread'), parent: null };
  const recorder = new RunRecorder(run, 'bench', emitter, { ...shared, news: new RunNews(about, events, systemClock) });
  void recorder.accept('hello', 'I am here');
  for (let i = 0; i < 202; i++) void recorder.think(textAt(preciseNow()));
  await recorder.finish({ status: 'success', by: 'agent', finalResponse: textAt(preciseNow()) });
}
let base = 0;
function texts(n: number) { for (let i = 0; i < n; i++) base += textAt(preciseNow()).length; }
for (let r = 0; r < 30; r++) {
  const b = process.cpuUsage();
  for (let i = 0; i < 1500; i++) await one();
  const { user } = process.cpuUsage(b);
  const b2 = process.cpuUsage(); texts(300000); const t = process.cpuUsage(b2).user;
  if (r > 3) console.log((user * 1000 / (1500 * 205)).toFixed(0), 'ns/event; text', (t * 1000 / 300000).toFixed(0));
}
