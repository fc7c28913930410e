/** The chat's page: logs in, asks, and shows every event of its thread as it arrives, also after a reload. */
import { Client, type ClientStatus } from '@muster/client';
import { Conversation } from './conversation.ts';
import { element } from './element.ts';
import { TabMemory } from './tab-memory.ts';

const SUGGESTIONS = ['What does the gate do?', 'How does a service start?', 'What is 12 * (7 + 5)?'];

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const login = byId<HTMLFormElement>('login');
const ask = byId<HTMLFormElement>('ask');
const question = byId<HTMLInputElement>('question');
const status = byId<HTMLParagraphElement>('status');
const conversation = new Conversation(byId<HTMLOListElement>('conversation'));
const memory = new TabMemory();

let client: Client | undefined;

login.addEventListener('submit', (event) => {
  event.preventDefault();
  void enter(byId<HTMLInputElement>('name').value);
});

ask.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text === '' || client === undefined) return;
  question.value = '';
  // What comes of it is shown as it comes; only a refusal has no events.
  client
    .run({ text, thread: memory.thread })
    .accepted.catch((error: unknown) => conversation.refuse(text, (error as Error).message));
});

for (const text of SUGGESTIONS) {
  const button = element('button', '', text);
  button.type = 'button';
  button.addEventListener('click', () => {
    question.value = text;
    ask.requestSubmit();
  });
  byId('suggestions').append(button);
}

/** Logs in and connects; a failure is said beside the form. */
async function enter(name: string): Promise<void> {
  const complaint = byId('login-error');
  complaint.textContent = '';
  memory.begin(name);
  const token = async (): Promise<string> => {
    const response = await fetch('/login', { method: 'POST', body: JSON.stringify({ name }) });
    const body = (await response.json()) as { token?: string; message?: string };
    if (body.token === undefined) throw new Error(body.message ?? 'The login failed.');
    return body.token;
  };
  const entering = new Client({
    url: `${location.origin.replace(/^http/, 'ws')}/ws`,
    token,
    name: 'chat-page',
    subscribe: [memory.thread],
    cursors: memory,
    onEvent: (event) => conversation.show(event),
  });
  entering.onState((now) => tell(name, now));
  entering.onReset(() => conversation.clear());
  try {
    await entering.open();
  } catch (error) {
    const { cause, message } = error as Error;
    complaint.textContent = cause instanceof Error ? cause.message : message;
    return;
  }
  client = entering;
  void client.closed.then(() => {
    for (const control of ask.querySelectorAll('input, button')) control.setAttribute('disabled', '');
  });
  login.hidden = true;
  byId('chat').hidden = false;
  question.focus();
}

/** Says beside the title how the connection stands. */
function tell(name: string, { state, waitingFor, lastClose }: ClientStatus): void {
  const lost = `disconnected (${lastClose?.code ?? 'not yet connected'})`;
  const texts: Readonly<Record<ClientStatus['state'], string>> = {
    idle: 'not connected',
    connecting: 'connecting',
    greeting: waitingFor.length > 0 ? `waiting for ${waitingFor.join(', ')}` : 'connecting',
    ready: `${name} · connected`,
    degraded: `waiting for ${waitingFor.join(', ')}`,
    draining: 'the server is shutting down',
    waiting: `${lost}; trying again`,
    closed: `${lost}; reload the page`,
  };
  status.className = state === 'ready' ? 'ready' : state === 'connecting' || state === 'greeting' ? '' : 'lost';
  (status.lastElementChild as HTMLElement).textContent = texts[state];
}

if (memory.name !== undefined) void enter(memory.name);
