/** The chat's page: logs in, asks, and shows every event of a run as it arrives. */
import { type Client, connect, type Run } from '@muster/client';

const SUGGESTIONS = ['What does the gate do?', 'How does a service start?', 'What is 12 * (7 + 5)?'];

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const login = byId<HTMLFormElement>('login');
const ask = byId<HTMLFormElement>('ask');
const question = byId<HTMLInputElement>('question');
const conversation = byId<HTMLOListElement>('conversation');
const status = byId<HTMLParagraphElement>('status');

let client: Client | undefined;
let thread: string | undefined;

login.addEventListener('submit', (event) => {
  event.preventDefault();
  void enter(byId<HTMLInputElement>('name').value);
});

ask.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text === '' || client === undefined) return;
  question.value = '';
  void show(text, client.run({ text, ...(thread === undefined ? {} : { thread }) }));
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
  tell('', 'connecting');
  try {
    const token = async (): Promise<string> => {
      const response = await fetch('/login', { method: 'POST', body: JSON.stringify({ name }) });
      const body = (await response.json()) as { token?: string; message?: string };
      if (body.token === undefined) throw new Error(body.message ?? 'The login failed.');
      return body.token;
    };
    client = await connect({ url: `${location.origin.replace(/^http/, 'ws')}/ws`, token, name: 'chat-page' });
  } catch (error) {
    tell('lost', 'not connected');
    complaint.textContent = (error as Error).message;
    return;
  }
  tell('ready', `${name} · connected`);
  client.onFrame((frame) => {
    if (frame.type === 'degraded') tell('lost', `waiting for ${frame.services.join(', ')}`);
    if (frame.type === 'recovered') tell('ready', `${name} · connected`);
    if (frame.type === 'drain') tell('lost', 'the server is shutting down');
  });
  void client.closed.then(({ code }) => {
    tell('lost', `disconnected (${code}); reload the page`);
    for (const control of ask.querySelectorAll('input, button')) control.setAttribute('disabled', '');
  });
  login.hidden = true;
  byId('chat').hidden = false;
  question.focus();
}

/** Shows one run, event by event. */
async function show(text: string, run: Run): Promise<void> {
  conversation.append(element('li', 'question', text));
  const answer = element('li', 'answer');
  const steps = element('ul', 'steps');
  const body = element('div', 'text');
  answer.append(steps, body);
  conversation.append(answer);
  const calls = new Map<string, HTMLElement>();
  let streamed = '';
  try {
    ({ thread } = await run.accepted);
    for await (const event of run) {
      switch (event.event) {
        case 'agent_thinking':
          steps.append(element('li', 'thought', event.data.reasoning));
          break;
        case 'agent_output':
          streamed += event.data.delta;
          body.replaceChildren(...cited(streamed));
          break;
        case 'tool_executing': {
          const call = element('li', 'tool');
          call.append(element('code', '', `${event.data.toolName} ${JSON.stringify(event.data.parameters)}`));
          calls.set(event.data.callId, call);
          steps.append(call);
          break;
        }
        case 'tool_completed': {
          const call = calls.get(event.data.callId);
          call?.classList.add(event.data.status === 'ok' ? 'ok' : 'bad');
          call?.append(` ${event.data.error?.message ?? summary(event.data.result)} · ${event.data.durationMs} ms`);
          break;
        }
        case 'agent_completed': {
          const { status: ended, finalResponse, error, durationMs } = event.data;
          if (finalResponse !== undefined) body.replaceChildren(...cited(finalResponse));
          const took = `${ended} in ${(durationMs / 1_000).toFixed(1)} s · ${event.data.count} events`;
          answer.append(
            element('div', ended === 'success' ? 'end' : 'end bad', error ? `${error.message} ${took}` : took),
          );
          break;
        }
        default:
      }
      answer.scrollIntoView({ block: 'end' });
    }
  } catch (error) {
    answer.append(element('div', 'end bad', (error as Error).message));
  }
  ask.scrollIntoView({ block: 'end' });
}

function summary(result: unknown): string {
  if (Array.isArray(result)) return `${result.length} found`;
  const { value } = (result ?? {}) as { value?: unknown };
  return value === undefined ? '' : `= ${JSON.stringify(value)}`;
}

/** Text with its `[file]` marks as citations. Nodes and no HTML: what an answer says is never markup. */
function cited(text: string): Node[] {
  return text
    .split(/(\[[\w./-]+\.(?:md|ts)\])/)
    .map((part) =>
      /^\[.*\]$/.test(part) ? element('span', 'cite', part.slice(1, -1)) : document.createTextNode(part),
    );
}

function tell(kind: string, text: string): void {
  status.className = kind;
  (status.lastElementChild as HTMLElement).textContent = text;
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className: string,
  text = '',
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
