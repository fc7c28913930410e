/**
 * The chat's page: logs in, asks, and shows every event of its thread.
 *
 * What it shows is made of the events alone, so a reload in the middle of an answer shows the same again and goes on.
 */
import type { AgentEvent } from '@muster/contracts';
import { type Client, connect } from '@muster/client';

const SUGGESTIONS = ['What does the gate do?', 'How does a service start?', 'What is 12 * (7 + 5)?'];

const byId = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const login = byId<HTMLFormElement>('login');
const ask = byId<HTMLFormElement>('ask');
const question = byId<HTMLInputElement>('question');
const conversation = byId<HTMLOListElement>('conversation');
const status = byId<HTMLParagraphElement>('status');

/** What a reload of this tab finds again. */
const remembered = {
  get name(): string | null {
    return sessionStorage.getItem('name');
  },
  get thread(): string | null {
    return sessionStorage.getItem('thread');
  },
};

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
  void send(client, text);
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
  const { thread } = remembered;
  const shown = new Conversation();
  try {
    client = await connect({
      url: `${location.origin.replace(/^http/, 'ws')}/ws`,
      token: () => tokenFor(name),
      name: 'chat-page',
      // From its beginning: what was shown before a reload is shown again.
      subscribe: thread === null ? [] : [thread],
      onEvent: (event) => shown.happened(event),
    });
  } catch (error) {
    tell('lost', 'not connected');
    complaint.textContent = (error as Error).message;
    return;
  }
  sessionStorage.setItem('name', name);
  client.onReset(() => shown.clear());
  follow(client, name);
  login.hidden = true;
  byId('chat').hidden = false;
  question.focus();
}

async function tokenFor(name: string): Promise<string> {
  const response = await fetch('/login', { method: 'POST', body: JSON.stringify({ name }) });
  const body = (await response.json()) as { token?: string; message?: string };
  if (body.token === undefined) throw new Error(body.message ?? 'The login failed.');
  return body.token;
}

/** Says how the connection stands, as long as the client lives. */
function follow(connected: Client, name: string): void {
  const say = (): void => {
    const { state, waitingFor } = connected.status;
    if (state === 'ready') tell('ready', `${name} · connected`);
    else tell('lost', waitingFor.length > 0 ? `waiting for ${waitingFor.join(', ')}` : 'connecting again');
  };
  say();
  connected.onState(say);
  void connected.closed.then(({ code }) => {
    tell('lost', `disconnected (${code}); reload the page`);
    for (const control of ask.querySelectorAll('input, button')) control.setAttribute('disabled', '');
  });
}

/** Asks; what comes of it is shown by its events. */
async function send(connected: Client, text: string): Promise<void> {
  const { thread } = remembered;
  try {
    const run = connected.run({ text, ...(thread === null ? {} : { thread }) });
    sessionStorage.setItem('thread', (await run.accepted).thread);
  } catch (error) {
    conversation.append(element('li', 'question', text), element('li', 'answer end bad', (error as Error).message));
  }
}

/** Everything that has happened in the thread, each run as one question and its answer. */
class Conversation {
  readonly #runs = new Map<string, RunView>();

  happened(event: AgentEvent): void {
    let view = this.#runs.get(event.run);
    if (view === undefined) {
      view = new RunView();
      this.#runs.set(event.run, view);
    }
    view.show(event);
    ask.scrollIntoView({ block: 'end' });
  }

  /** What is shown cannot be continued: it begins anew. */
  clear(): void {
    this.#runs.clear();
    conversation.replaceChildren();
  }
}

class RunView {
  readonly #answer = element('li', 'answer');
  readonly #steps = element('ul', 'steps');
  readonly #body = element('div', 'text');
  readonly #calls = new Map<string, HTMLElement>();
  #streamed = '';

  show(event: AgentEvent): void {
    switch (event.event) {
      case 'agent_started':
        this.#answer.append(this.#steps, this.#body);
        conversation.append(element('li', 'question', event.data.message), this.#answer);
        break;
      case 'agent_thinking':
        this.#steps.append(element('li', 'thought', event.data.reasoning));
        break;
      case 'agent_output':
        this.#streamed += event.data.delta;
        this.#body.replaceChildren(...cited(this.#streamed));
        break;
      case 'tool_executing': {
        const call = element('li', 'tool');
        call.append(element('code', '', `${event.data.toolName} ${JSON.stringify(event.data.parameters)}`));
        this.#calls.set(event.data.callId, call);
        this.#steps.append(call);
        break;
      }
      case 'tool_completed': {
        const { callId, status: ended, error, result, durationMs } = event.data;
        const call = this.#calls.get(callId);
        call?.classList.add(ended === 'ok' ? 'ok' : 'bad');
        call?.append(` ${error?.message ?? summary(result)} · ${durationMs} ms`);
        break;
      }
      case 'agent_completed':
        this.#end(event);
    }
  }

  #end({ data }: Extract<AgentEvent, { event: 'agent_completed' }>): void {
    const { status: ended, finalResponse, error, durationMs, count } = data;
    if (finalResponse !== undefined) this.#body.replaceChildren(...cited(finalResponse));
    const took = `${ended} in ${(durationMs / 1_000).toFixed(1)} s · ${count} events`;
    this.#answer.append(
      element('div', ended === 'success' ? 'end' : 'end bad', error ? `${error.message} ${took}` : took),
    );
  }
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

// At the end, when everything above is there.
if (remembered.name !== null) void enter(remembered.name);
