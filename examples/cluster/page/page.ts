/** The page: who serves it, which instances there are, and a count that goes on wherever it is served. */
import { type Client, connect, sessionStorageCursors } from '@muster/client';

interface Listed {
  readonly servedBy: string;
  readonly all: readonly {
    readonly id: string;
    readonly address: string | null;
    readonly load: Readonly<Record<string, number>>;
    readonly down: readonly string[];
  }[];
}

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const thread = (sessionStorage['thread'] ??= crypto.randomUUID()) as string;
const user = (localStorage['user'] ??= `guest-${crypto.randomUUID().slice(0, 8)}`) as string;

function show({ servedBy, all }: Listed): void {
  const own = all.find(({ id }) => id === servedBy);
  element('served').textContent = own?.address ?? servedBy;
  element('instances').replaceChildren(
    ...all.map(({ id, address, load, down }) => {
      const row = document.createElement('tr');
      const state = down.length === 0 ? 'healthy' : `without ${down.join(', ')}`;
      for (const text of [address ?? id, state, `${load['connections'] ?? 0}`, `${load['runs'] ?? 0}`])
        row.append(Object.assign(document.createElement('td'), { textContent: text }));
      row.className = id === servedBy ? 'own' : '';
      return row;
    }),
  );
}

function line(text: string, kind = ''): void {
  const list = element('events');
  list.append(Object.assign(document.createElement('li'), { textContent: text, className: kind }));
  list.lastElementChild?.scrollIntoView({ block: 'nearest' });
}

const client: Client = await connect({
  url: `${location.origin.replace('http', 'ws')}/ws`,
  token: user,
  subscribe: [thread],
  cursors: sessionStorageCursors(),
  onEvent: (event) => {
    if (event.event === 'agent_thinking') line(event.data.reasoning);
    if (event.event === 'agent_completed')
      line(`${event.data.status}: ${event.data.finalResponse ?? event.data.error?.message ?? ''}`, event.data.status);
  },
});
client.onState(({ state }) => {
  element('state').textContent = state;
});
element('state').textContent = client.state;

element('ask').addEventListener('submit', (event) => {
  event.preventDefault();
  const run = client.run({ text: element<HTMLInputElement>('to').value, agent: 'counter', thread });
  run.accepted.catch((error: Error) => line(error.message, 'failed'));
});

for (;;) {
  try {
    show(await client.request<Listed>('instances', {}));
  } catch {
    element('served').textContent = '…';
  }
  await new Promise((resolve) => setTimeout(resolve, 1_000));
}
