/** One handler per connection of the chat. */
import { AgentSupervisor, runMethods, threadMethods, ThreadService } from '@muster/agents';
import { type Handler, type Session, webSocketFactory, type WebSocketFactory } from '@muster/server';

@webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor, ThreadService] })
export class ChatSocket implements WebSocketFactory {
  readonly #supervisor: AgentSupervisor;
  readonly #threads: ThreadService;

  constructor(supervisor: AgentSupervisor, threads: ThreadService) {
    this.#supervisor = supervisor;
    this.#threads = threads;
  }

  open(session: Session): Handler {
    return {
      methods: {
        ...runMethods(this.#supervisor, session),
        ...threadMethods(this.#threads, this.#supervisor, session),
      },
    };
  }
}
