/** An app with an inspector: a dependency is lost and comes back, and graph, probes and metrics tell the same story. */
import { createApp, type Health, healthy, service, unhealthy } from '@muster/core';
import { inspector, lineReporter } from '@muster/inspect';

@service({ health: { everyMs: 200, failures: 1 } })
class Database {
  verdict: Health = healthy;
  check() {
    return this.verdict;
  }
}

@service({ dependsOn: [Database] })
class Orders {
  constructor(readonly database: Database) {}
}

const inspect = inspector({ port: Number(process.env.INSPECT_PORT ?? 9464) });
const app = createApp({ services: [Orders, Database], inspect, gate: { dwellMs: 200 } });
app.events.on(lineReporter(process.stdout, { level: 'warn' }));
await app.start();
const url = await inspect.begin(); // where it listens: open it in a browser

async function look(): Promise<void> {
  const ready = await fetch(`${url}/readyz?verbose`);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  console.log(`readyz ${ready.status} ${await ready.text()}`.trim());
  console.log(
    metrics
      .split('\n')
      .filter((line) => /^muster_(gate_open|gate_closings_total|service_healthy){/.test(line))
      .join('\n'),
  );
}

/** Resolves when the gate has moved there. */
const gate = (state: string) =>
  new Promise<void>((resolve) => {
    const stop = app.gate.onMove((now) => {
      if (now === state) {
        stop();
        resolve();
      }
    });
  });

await look();
app.get(Database).verdict = unhealthy('the disk is full');
await gate('closed');
await look();
console.log(app.explain('Database'));
app.get(Database).verdict = healthy;
await gate('open');
await look();
await app.stop();
