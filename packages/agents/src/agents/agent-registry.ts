/**
 * The agents of the app by name. What is wrong with them is a boot error and never a user's error frame.
 */
import { type Permit, ScopedClasses, type Service, service } from '@muster/core';
import { agentError } from '../errors.ts';
import type { Agent, AgentTag } from './agent.ts';

/** One agent that can be run. */
export interface RegisteredAgent extends AgentTag {
  /** Makes the instance for one run. */
  make(permit: Permit): Agent;
}

@service({ dependsOn: [ScopedClasses] })
export class AgentRegistry implements Service {
  readonly #classes: ScopedClasses;
  #agents: ReadonlyMap<string, RegisteredAgent> = new Map();

  constructor(classes: ScopedClasses) {
    this.#classes = classes;
  }

  /** @throws MusterError `AGENT_DUPLICATE`, `AGENT_INCOMPLETE` or `NO_AGENTS`; all of them end the boot at once. */
  start(): void {
    const agents = new Map<string, RegisteredAgent & { readonly class: string }>();
    for (const scoped of this.#classes.declared()) {
      if (!isAgentTag(scoped.tag)) continue;
      const other = agents.get(scoped.tag.agent);
      if (other) throw agentError('AGENT_DUPLICATE', { agent: scoped.tag.agent, classes: [other.class, scoped.name] });
      if (typeof (scoped.prototype as Partial<Agent>).run !== 'function')
        throw agentError('AGENT_INCOMPLETE', { class: scoped.name });
      agents.set(scoped.tag.agent, {
        ...scoped.tag,
        class: scoped.name,
        make: (permit) => scoped.make(permit) as Agent,
      });
    }
    if (agents.size === 0) throw agentError('NO_AGENTS', {});
    this.#agents = agents;
  }

  /**
   * The agent of this name; the first by class name when none is given.
   *
   * @throws MusterError `AGENT_UNKNOWN` naming those that there are.
   */
  find(name: string | undefined): RegisteredAgent {
    const found = name === undefined ? this.#agents.values().next().value : this.#agents.get(name);
    if (found === undefined) throw agentError('AGENT_UNKNOWN', { agent: name ?? '', known: [...this.#agents.keys()] });
    return found;
  }

  list(): readonly { readonly name: string; readonly description: string }[] {
    return [...this.#agents.values()].map(({ agent: name, description }) => ({ name, description }));
  }
}

function isAgentTag(tag: unknown): tag is AgentTag {
  return typeof tag === 'object' && tag !== null && 'agent' in tag;
}
