/** The user's chats beside the present one: open, rename, delete. */
import type { Client } from '@muster/client';
import type { ThreadSummary } from '@muster/contracts';
import { button, byId, element } from './dom.ts';

const list = byId<HTMLUListElement>('thread-list');

/** Told of what the user wants. */
interface Chosen {
  open(thread: string): void;
  /** The open one was deleted. */
  gone(thread: string): void;
}

export class ThreadList {
  readonly #client: Client;
  readonly #chosen: Chosen;
  #present: string | null;

  constructor(client: Client, present: string | null, chosen: Chosen) {
    this.#client = client;
    this.#present = present;
    this.#chosen = chosen;
  }

  /** The thread that is shown; `null` for a chat that has not begun. */
  set present(thread: string | null) {
    this.#present = thread;
    for (const item of list.children) mark(item as HTMLElement, thread);
  }

  /** Asks the server for them; what stands there stays when it cannot be asked. */
  async refresh(): Promise<void> {
    const { threads } = await this.#client.request<{ threads: readonly ThreadSummary[] }>('threads', {});
    list.replaceChildren(...threads.map((thread) => this.#item(thread)));
  }

  #item({ id, title }: ThreadSummary): HTMLElement {
    const item = element('li', 'thread');
    item.dataset['thread'] = id;
    const open = button('open', title, `Open "${title}"`, () => this.#chosen.open(id));
    const rename = button('small', '✎', `Rename "${title}"`, () => this.#rename(item, id, title));
    const remove = button('small', '✕', `Delete "${title}"`, () => this.#ask(item, id));
    item.append(open, rename, remove);
    mark(item, this.#present);
    return item;
  }

  #rename(item: HTMLElement, thread: string, title: string): void {
    const input = element('input', '');
    input.value = title;
    input.maxLength = 80;
    input.setAttribute('aria-label', 'New title');
    const leave = (): void => void this.refresh().catch(() => {});
    input.addEventListener('keydown', ({ key }) => {
      if (key === 'Escape') leave();
      if (key !== 'Enter' || input.value.trim() === '') return;
      void this.#client.request('threads.rename', { thread, title: input.value }).then(leave, leave);
    });
    item.replaceChildren(input);
    input.select();
  }

  /** A second click deletes, so that a first one that was none does not. */
  #ask(item: HTMLElement, thread: string): void {
    const leave = (): void => void this.refresh().catch(() => {});
    const yes = button('danger', 'Delete for good', 'Delete this chat for good', () => {
      void this.#client.request('threads.delete', { thread }).then(() => {
        this.#chosen.gone(thread);
        leave();
      }, leave);
    });
    item.replaceChildren(yes, button('small', 'Keep', 'Keep this chat', leave));
    yes.focus();
  }
}

function mark(item: HTMLElement, present: string | null): void {
  item.classList.toggle('present', item.dataset['thread'] === present);
}
