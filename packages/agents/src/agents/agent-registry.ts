/**
 * The agents of the app by name. What is wrong with them is a boot error and never a user's error frame.
 */
import { type Class, Scopes, type Service, service } from '@muster/core';
import { agentError } from '../errors.ts';
import type { Agent, AgentTag } from './agent.ts';

/** One agent that can be run. */
export interface RegisteredAgent extends AgentTag {
  /** A scope of a run has the instance for it. */
  readonly class: Class<Agent>;
}

/** The agent of deep checks, which no request can ask for. */
export const PROBE_AGENT = '~probe';

@service({ dependsOn: [Scopes] })
export class AgentRegistry implements Service {
  readonly #scopes: Scopes;
  #agents: ReadonlyMap<string, RegisteredAgent> = new Map();
  #probe: RegisteredAgent | undefined;

  constructor(scopes: Scopes) {
    this.#scopes = scopes;
  }

  /**
   * @throws MusterError `AGENT_DUPLICATE`, `AGENT_INCOMPLETE`, `AGENT_OPTION_INVALID` or `NO_AGENTS`; all of them end the
   * boot at once.
   */
  start(): void {
    const agents = new Map<string, RegisteredAgent>();
    const names = new Map<string, string>();
    for (const { name, tag, target } of this.#scopes.declared()) {
      if (!isAgentTag(tag)) continue;
      const other = names.get(tag.agent);
      if (other !== undefined) throw agentError('AGENT_DUPLICATE', { agent: tag.agent, classes: [other, name] });
      if (typeof (target.prototype as Partial<Agent>).run !== 'function')
        throw agentError('AGENT_INCOMPLETE', { class: name });
      checkOptions(name, tag);
      names.set(tag.agent, name);
      agents.set(tag.agent, { ...tag, class: target as Class<Agent> });
    }
    this.#probe = agents.get(PROBE_AGENT);
    agents.delete(PROBE_AGENT);
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

  /** The agent of this name, if there is one. */
  known(name: string): RegisteredAgent | undefined {
    return this.#agents.get(name);
  }

  /** @throws MusterError `AGENT_UNKNOWN` where nobody has registered it. */
  get probeAgent(): RegisteredAgent {
    if (this.#probe === undefined)
      throw agentError('AGENT_UNKNOWN', { agent: PROBE_AGENT, known: [...this.#agents.keys()] });
    return this.#probe;
  }

  list(): readonly { readonly name: string; readonly description: string }[] {
    return [...this.#agents.values()].map(({ agent: name, description }) => ({ name, description }));
  }
}

function isAgentTag(tag: unknown): tag is AgentTag {
  return typeof tag === 'object' && tag !== null && 'agent' in tag;
}

function checkOptions(name: string, { onDisconnect, onTakeover }: AgentTag): void {
  if (!['interrupt', 'restart'].includes(onTakeover)) {
    const got = JSON.stringify(onTakeover);
    throw agentError('AGENT_OPTION_INVALID', {
      class: name,
      option: 'onTakeover',
      expected: "'interrupt' or 'restart'",
      got,
    });
  }
  if (onDisconnect === 'continue') return;
  const { cancelAfterMs } = (onDisconnect ?? {}) as { readonly cancelAfterMs?: unknown };
  if (typeof cancelAfterMs === 'number' && cancelAfterMs >= 0) return;
  const expected = "'continue' or { cancelAfterMs } with milliseconds from 0 on";
  const got = JSON.stringify(onDisconnect);
  throw agentError('AGENT_OPTION_INVALID', { class: name, option: 'onDisconnect', expected, got });
}
