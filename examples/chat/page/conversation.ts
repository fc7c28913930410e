/**
 * One thread on the page: each run as one question and its answer.
 *
 * What is stored is there at once; the events of a run, as long as they are kept, show the same again and more.
 */
import type { AgentEvent, ThreadMessage } from '@muster/contracts';
import { button, byId, element } from './dom.ts';

const list = byId<HTMLOListElement>('conversation');

export class Conversation {
  readonly #runs = new Map<string, RunView>();
  readonly #stop: (run: string) => void;

  /** @param stop asks the server to end a run. */
  constructor(stop: (run: string) => void) {
    this.#stop = stop;
    list.replaceChildren();
  }

  stored(messages: readonly ThreadMessage[]): void {
    for (const message of messages) this.#viewOf(message.run).stored(message);
  }

  happened(event: AgentEvent): void {
    this.#viewOf(event.run).show(event);
    byId('ask').scrollIntoView({ block: 'end' });
  }

  /** What is shown cannot be continued: it begins anew. */
  clear(): void {
    this.#runs.clear();
    list.replaceChildren();
  }

  #viewOf(run: string): RunView {
    const known = this.#runs.get(run);
    if (known !== undefined) return known;
    const view = new RunView(() => this.#stop(run));
    this.#runs.set(run, view);
    list.append(view.question, view.answer);
    return view;
  }
}

class RunView {
  readonly question = element('li', 'question');
  readonly answer = element('li', 'answer');
  readonly #steps = element('ul', 'steps');
  readonly #body = element('div', 'text');
  readonly #stop: HTMLButtonElement;
  readonly #calls = new Map<string, HTMLElement>();
  #streamed = '';
  /** Its events tell more than what is stored. */
  #hasEvents = false;

  constructor(stop: () => void) {
    this.#stop = button('stop', 'Stop', 'Stop this answer', () => {
      this.#stop.disabled = true;
      stop();
    });
    this.answer.hidden = true;
  }

  stored({ role, content }: ThreadMessage): void {
    if (this.#hasEvents) return;
    if (role === 'user') this.question.textContent = content;
    else {
      this.#body.replaceChildren(...cited(content));
      this.answer.replaceChildren(this.#body);
      this.answer.hidden = false;
    }
  }

  show(event: AgentEvent): void {
    this.#hasEvents = true;
    switch (event.event) {
      case 'agent_started': {
        const { message, queuePosition, parent } = event.data;
        this.question.textContent = message;
        // What an agent asks of another is no question of the user.
        this.question.classList.toggle('helping', parent !== undefined);
        this.#body.replaceChildren();
        this.answer.replaceChildren(this.#steps, this.#body, this.#stop);
        this.answer.hidden = false;
        if (queuePosition !== undefined) this.answer.dataset['place'] = `${queuePosition}`;
        break;
      }
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
    this.#stop.replaceWith(
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
