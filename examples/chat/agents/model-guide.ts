/**
 * Answers with a model of any provider of the AI SDK, with the same tools: the chat has this guide when a key is set.
 */
import { agent, type Agent, type AgentContext, type RunInput, type RunResult } from '@muster/agents';
import { token } from '@muster/core';
import type { LanguageModel } from 'ai';
import { DocsIndex } from '../services/docs-index.ts';
import { calculate } from '../tools/calculate.ts';
import { searchDocs } from '../tools/search-docs.ts';

/** The model, or its name at the AI gateway. */
export const ChatModel = token<LanguageModel>('ChatModel');

const SYSTEM = [
  'You answer questions about Muster, a service-orchestration framework for TypeScript.',
  'Look things up with search_docs before you answer, work sums out with calculate, and make nothing up.',
  'Name the file of what you quote in brackets, like [docs/guide.md]. Be brief, and use no markup.',
].join(' ');

@agent({
  name: 'guide',
  description: 'Answers from the documentation, with a model.',
  dependsOn: [DocsIndex, ChatModel],
})
export class ModelGuide implements Agent {
  readonly #tools: readonly [typeof calculate, ReturnType<typeof searchDocs>];
  readonly #model: LanguageModel;

  constructor(index: DocsIndex, model: LanguageModel) {
    this.#tools = [calculate, searchDocs(index)];
    this.#model = model;
  }

  async run(input: RunInput, ctx: AgentContext): Promise<RunResult> {
    // Loaded with the first question: who has no key never loads it.
    const { runModel } = await import('@muster/agents/ai-sdk');
    return runModel(input, ctx, { model: this.#model, system: SYSTEM, tools: this.#tools });
  }
}
