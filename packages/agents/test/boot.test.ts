import { describe, expect, it } from '@jest/globals';
import { createApp, principalOf } from '@muster/core';
import { agent, type Agent, AgentRegistry, ThreadService } from '@muster/agents';
import { withAgent } from './harness.ts';

@agent({ name: 'one', description: '' })
class One implements Agent {
  run = () => ({});
}
@agent({ name: 'one', description: '' })
class AlsoOne implements Agent {
  run() {
    return {};
  }
}
@agent({ name: 'two', description: '' })
class Two implements Agent {
  run() {
    return {};
  }
}
class Mute {}
agent({ name: 'mute', description: '' })(Mute as never);

describe('AgentRegistry', () => {
  it.each([
    ['two agents of one name', [Two, AlsoOne, agentNamedOne()], 'Two agents are named "one": AlsoOne and Uno'],
    ['no agent', [], 'No agent is registered'],
    ['an agent that cannot run', [Two, Mute], 'Mute has no run() method'],
  ])('makes %s a failed boot at once, and not an error of a user', async (_, agents, text) => {
    const app = createApp({ services: [AgentRegistry, ...agents] });
    await expect(app.start()).rejects.toMatchObject({
      code: 'BOOT_FAILED',
      details: { causes: [{ service: 'AgentRegistry', description: expect.stringContaining(text) }] },
    });
  });

  it('finds agents by name, the first by class name without one, and names those that there are', async () => {
    const app = createApp({ services: [AgentRegistry, Two, AlsoOne] });
    await app.start();
    const registry = app.get(AgentRegistry);
    expect([registry.find('two').agent, registry.find(undefined).agent]).toEqual(['two', 'one']);
    expect(() => registry.find('three')).toThrow(
      expect.objectContaining({ code: 'AGENT_UNKNOWN', details: { agent: 'three', known: ['one', 'two'] } }),
    );
    await app.stop();
    expect(One).toBeDefined();
  });
});

describe('ThreadService', () => {
  it('keeps question and answer with their status, also of a run that failed, and gives them to the next run', async () => {
    const histories: string[][] = [];
    await using test = await withAgent((_, { text, history }) => {
      histories.push(history.map(({ role, content }) => `${role}: ${content}`));
      if (text === 'bad') throw new Error('no');
      return { finalResponse: `answer to ${text}` };
    });
    for (const text of ['good', 'bad', 'last']) {
      const run = await test.ask(text, { thread: 't' });
      await run.terminal;
      await test.clock.settle();
    }
    const rows = await test.app.get(ThreadService).messages(principalOf('ann'), 't');
    expect(rows.map(({ role, content, status }) => [role, content, status])).toEqual([
      ['user', 'good', 'success'],
      ['assistant', 'answer to good', 'success'],
      ['user', 'bad', 'failed'],
      ['assistant', 'The agent failed.', 'failed'],
      ['user', 'last', 'success'],
      ['assistant', 'answer to last', 'success'],
    ]);
    expect(histories[1]).toEqual(['user: good', 'assistant: answer to good']);
    await expect(test.app.get(ThreadService).messages(principalOf('bob'), 't')).rejects.toMatchObject({
      code: 'THREAD_NOT_FOUND',
    });
  });
});

/** A second class with a taken name. */
function agentNamedOne() {
  @agent({ name: 'one', description: '' })
  class Uno implements Agent {
    run() {
      return {};
    }
  }
  return Uno;
}
