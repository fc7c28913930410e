/**
 * Draws the runs of a thread, made of its events and of nothing else: whoever has the events has the page.
 */
import type { AgentEvent } from '@muster/contracts';
import { element } from './element.ts';

/** One run as it stands on the page. */
interface Answer {
  readonly box: HTMLElement;
  readonly steps: HTMLElement;
  readonly body: HTMLElement;
  readonly calls: Map<string, HTMLElement>;
  streamed: string;
}

export class Conversation {
  readonly #list: HTMLElement;
  readonly #answers = new Map<string, Answer>();

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  /** Adds what the event says. */
  show(event: AgentEvent): void {
    const answer = this.#answers.get(event.run) ?? this.#begin(event);
    switch (event.event) {
      case 'agent_thinking':
        answer.steps.append(element('li', 'thought', event.data.reasoning));
        break;
      case 'agent_output':
        answer.streamed += event.data.delta;
        answer.body.replaceChildren(...cited(answer.streamed));
        break;
      case 'tool_executing': {
        const call = element('li', 'tool');
        call.append(element('code', '', `${event.data.toolName} ${JSON.stringify(event.data.parameters)}`));
        answer.calls.set(event.data.callId, call);
        answer.steps.append(call);
        break;
      }
      case 'tool_completed': {
        const call = answer.calls.get(event.data.callId);
        call?.classList.add(event.data.status === 'ok' ? 'ok' : 'bad');
        call?.append(` ${event.data.error?.message ?? summary(event.data.result)} · ${event.data.durationMs} ms`);
        break;
      }
      case 'agent_completed': {
        const { status: ended, finalResponse, error, durationMs } = event.data;
        if (finalResponse !== undefined) answer.body.replaceChildren(...cited(finalResponse));
        const took = `${ended} in ${(durationMs / 1_000).toFixed(1)} s · ${event.data.count} events`;
        answer.box.append(
          element('div', ended === 'success' ? 'end' : 'end bad', error ? `${error.message} ${took}` : took),
        );
        break;
      }
      default:
    }
    answer.box.scrollIntoView({ block: 'end' });
  }

  /** Says that a question was not accepted; there are no events of it. */
  refuse(question: string, why: string): void {
    const box = element('li', 'answer');
    box.append(element('div', 'end bad', why));
    this.#list.append(element('li', 'question', question), box);
  }

  /** Draws nothing that is no longer known. */
  clear(): void {
    this.#answers.clear();
    this.#list.replaceChildren();
  }

  #begin(event: AgentEvent): Answer {
    if (event.event === 'agent_started') this.#list.append(element('li', 'question', event.data.message));
    const [box, steps, body] = [element('li', 'answer'), element('ul', 'steps'), element('div', 'text')];
    box.append(steps, body);
    this.#list.append(box);
    const answer = { box, steps, body, calls: new Map<string, HTMLElement>(), streamed: '' };
    this.#answers.set(event.run, answer);
    return answer;
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
