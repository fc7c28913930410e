/**
 * The chat's page: logs in, asks, and shows every event of the thread that is open.
 *
 * What it shows is made of what is stored and of the events, so a reload in the middle of an answer shows the same again
 * and goes on.
 */
import { type Client, connect } from '@muster/client';
import type { ThreadMessage } from '@muster/contracts';
import { Conversation } from './conversation.ts';
import { button, byId, element } from './dom.ts';
import { ThreadList } from './threads.ts';

const SUGGESTIONS = ['What does the gate do?', 'How does a service start?', 'What is 12 * (7 + 5)?'];

const login = byId<HTMLFormElement>('login');
const ask = byId<HTMLFormElement>('ask');
const question = byId<HTMLInputElement>('question');
const status = byId<HTMLParagraphElement>('status');

/** What a reload of this tab finds again. */
const remembered = {
  get name(): string | null {
    return sessionStorage.getItem('name');
  },
  get thread(): string | null {
    return sessionStorage.getItem('thread');
  },
  set thread(thread: string | null) {
    if (thread === null) sessionStorage.removeItem('thread');
    else sessionStorage.setItem('thread', thread);
  },
};

let chat: Chat | undefined;

login.addEventListener('submit', (event) => {
  event.preventDefault();
  void enter(byId<HTMLInputElement>('name').value);
});

ask.addEventListener('submit', (event) => {
  event.preventDefault();
  const text = question.value.trim();
  if (text === '' || chat === undefined) return;
  question.value = '';
  void chat.send(text);
});

byId('new-chat').addEventListener('click', () => chat?.open(null));
byId<HTMLDetailsElement>('threads').open = matchMedia('(min-width: 62rem)').matches;

for (const text of SUGGESTIONS) {
  byId('suggestions').append(
    button('', text, `Ask: ${text}`, () => {
      question.value = text;
      ask.requestSubmit();
    }),
  );
}

/** Logs in and connects; a failure is said beside the form. */
async function enter(name: string): Promise<void> {
  const complaint = byId('login-error');
  complaint.textContent = '';
  tell('', 'connecting');
  let client: Client;
  try {
    client = await connect({
      url: `${location.origin.replace(/^http/, 'ws')}/ws`,
      token: () => tokenFor(name),
      name: 'chat-page',
      onEvent: (event, thread) => chat?.happened(event, thread),
    });
  } catch (error) {
    tell('lost', 'not connected');
    complaint.textContent = (error as Error).message;
    return;
  }
  sessionStorage.setItem('name', name);
  chat = new Chat(client);
  follow(client, name);
  login.hidden = true;
  for (const part of ['chat', 'threads']) byId(part).hidden = false;
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

/** A connected user: the list of chats, and the one that is open. */
class Chat {
  readonly #client: Client;
  readonly #threads: ThreadList;
  #shown: Conversation;
  /** Of the open chat; one that has not begun gets it with its first run. */
  #thread: string | null = null;

  constructor(client: Client) {
    this.#client = client;
    this.#threads = new ThreadList(client, null, {
      open: (thread) => this.open(thread),
      gone: (thread) => {
        client.unsubscribe(thread);
        if (thread === this.#thread) this.open(null);
      },
    });
    this.#shown = this.#empty();
    client.onReset(({ stream }) => {
      if (stream === this.#thread) this.#shown.clear();
    });
    this.open(remembered.thread);
    this.#refresh();
  }

  open(thread: string | null): void {
    if (this.#thread !== null) this.#client.unsubscribe(this.#thread);
    this.#present(thread);
    this.#shown = this.#empty();
    question.focus();
    if (thread !== null) void this.#show(thread, this.#shown);
  }

  happened(event: Parameters<Conversation['happened']>[0], thread: string): void {
    // The first run of a new chat: its events come before anybody has said which thread it is.
    if (this.#thread === null && event.event === 'agent_started') this.#present(thread);
    if (thread === this.#thread) this.#shown.happened(event);
    if (event.event === 'agent_started' || event.event === 'agent_completed') this.#refresh();
  }

  /** Asks; what comes of it is shown by its events. */
  async send(text: string): Promise<void> {
    const thread = this.#thread;
    try {
      await this.#client.run({ text, ...(thread === null ? {} : { thread }) }).accepted;
    } catch (error) {
      byId('conversation').append(
        element('li', 'question', text),
        element('li', 'answer end bad', (error as Error).message),
      );
    }
  }

  /** What is stored is there at once; the events begin at the first that is kept. */
  async #show(thread: string, shown: Conversation): Promise<void> {
    try {
      const { messages } = await this.#client.request<{ messages: readonly ThreadMessage[] }>('threads.messages', {
        thread,
      });
      if (shown !== this.#shown) return;
      shown.stored(messages);
      this.#client.subscribe(thread);
    } catch {
      // It was deleted in another tab, or by nobody who asks any more.
      if (shown === this.#shown) this.open(null);
    }
  }

  #present(thread: string | null): void {
    this.#thread = thread;
    remembered.thread = thread;
    this.#threads.present = thread;
  }

  #empty(): Conversation {
    return new Conversation((run) => {
      void this.#client.request('cancel', { run }).catch(() => {});
    });
  }

  #refresh(): void {
    void this.#threads.refresh().catch(() => {});
  }
}

function tell(kind: string, text: string): void {
  status.className = kind;
  (status.lastElementChild as HTMLElement).textContent = text;
}

// At the end, when everything above is there.
if (remembered.name !== null) void enter(remembered.name);
