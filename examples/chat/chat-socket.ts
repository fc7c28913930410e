/** One handler per connection of the chat. */
import { AgentSupervisor, runMethods } from '@muster/agents';
import { type Handler, type Session, webSocketFactory, type WebSocketFactory } from '@muster/server';

@webSocketFactory({ path: '/ws', dependsOn: [AgentSupervisor] })
export class ChatSocket implements WebSocketFactory {
  readonly #supervisor: AgentSupervisor;

  constructor(supervisor: AgentSupervisor) {
    this.#supervisor = supervisor;
  }

  open(session: Session): Handler {
    return { methods: runMethods(this.#supervisor, session) };
  }
}
