/**
 * Answers questions about Muster from its own documentation, and does sums. It works offline: rules decide which tool is
 * called, and the answer is made of sentences that the tools found.
 */
import { agent, type Agent, type AgentContext, type RunInput, type RunResult } from '@muster/agents';
import { Clock, sleep } from '@muster/core';
import { DocsIndex } from '../services/docs-index.ts';
import { calculate } from '../tools/calculate.ts';
import { searchDocs } from '../tools/search-docs.ts';

/** Pause between two words of the answer, in milliseconds, so that a person can read along. */
const WORD_MS = 12;
const SENTENCES = 4;

type Passages = Awaited<ReturnType<ReturnType<typeof searchDocs>['call']>>;

@agent({
  name: 'guide',
  description: 'Answers from the documentation and does sums.',
  dependsOn: [DocsIndex, Clock],
  tools: [calculate],
})
export class Guide implements Agent {
  readonly #search: ReturnType<typeof searchDocs>;
  readonly #clock: Clock;

  constructor(index: DocsIndex, clock: Clock) {
    this.#search = searchDocs(index);
    this.#clock = clock;
  }

  async run(input: RunInput, ctx: AgentContext): Promise<RunResult> {
    const sum = findSum(input.text);
    const answers: string[] = [];
    if (sum !== undefined) {
      await ctx.think(`There is a sum in the question: ${sum}`);
      answers.push(await this.#calculated(sum, ctx));
    }
    if (sum === undefined || asksMoreThan(sum, input.text)) {
      await ctx.think('Looking in the documentation and the examples');
      const passages = await ctx.tool(this.#search, { query: input.text });
      await ctx.think(passages.length === 0 ? 'Nothing fits' : `Reading ${passages.length} passages`);
      answers.push(answerFrom(passages, input.text));
    }
    const finalResponse = answers.join('\n\n');
    for (const word of finalResponse.split(/(?<=\s)/)) {
      ctx.output(word);
      await sleep(this.#clock, WORD_MS, ctx.signal);
    }
    return { finalResponse };
  }

  async #calculated(sum: string, ctx: AgentContext): Promise<string> {
    try {
      const { value } = await ctx.tool(calculate, { expression: sum });
      return `${sum} = ${value}`;
    } catch {
      // The user sees the failed call; the rest of the question can still be answered.
      return `I could not work out ${sum}.`;
    }
  }
}

/** The longest stretch of the text that is a sum with at least one operator between numbers. */
export function findSum(text: string): string | undefined {
  const stretches = text.match(/[-+(]*\d[\d\s.+\-*/^%()]*/g) ?? [];
  return stretches
    .map((stretch) => stretch.trim().replace(/[.\s]+$/, ''))
    .filter((stretch) => /\d\)*\s*[-+*/^%]+\s*\(*-?\d/.test(stretch))
    .sort((a, b) => b.length - a.length)[0];
}

/** True when there is a question beside the sum. */
function asksMoreThan(sum: string, text: string): boolean {
  const words = text.replace(sum, ' ').match(/[a-z]{4,}/gi) ?? [];
  return (
    words.filter((word) => !/^(what|much|many|calculate|compute|please|plus|minus|times|does|make|work)$/i.test(word))
      .length > 0
  );
}

/** The sentences that share the most words with the question, in the order of their sources, each with its file. */
function answerFrom(passages: Passages, question: string): string {
  if (passages.length === 0)
    return 'I found nothing about that in the documentation. Ask me about the gate, services, runs or the graph, or give me a sum.';
  const wanted = new Set(wordsOf(question));
  const scored = passages.flatMap(({ file, heading, text }, rank) =>
    sentencesOf(text).map((sentence, place) => {
      const inHeading = new Set(wordsOf(heading).filter((word) => wanted.has(word))).size;
      const inSentence = new Set(wordsOf(sentence).filter((word) => wanted.has(word))).size;
      return { file, sentence, rank, place, score: inHeading * 2 + inSentence - rank * 2 - place * 0.4 };
    }),
  );
  const best = scored.sort((a, b) => b.score - a.score).slice(0, SENTENCES);
  const byFile = new Map<string, string[]>();
  for (const { file, sentence } of best.sort((a, b) => a.rank - b.rank || a.place - b.place)) {
    byFile.set(file, [...(byFile.get(file) ?? []), sentence]);
  }
  return [...byFile].map(([file, sentences]) => `${sentences.join(' ')} [${file}]`).join('\n\n');
}

function sentencesOf(text: string): string[] {
  return text
    .replace(/\|.*\|/g, '')
    .replace(/[`*_]/g, '')
    .replace(/^\s*(?:[-–]|\d+\.)\s+/gm, '')
    .replace(/\[([^\]]+)\]\([^)]+\)/g, '$1')
    .replace(/\s+/g, ' ')
    .split(/(?<=[.!?])\s+(?=[A-Z])/)
    .filter((sentence) => sentence.length > 20);
}

function wordsOf(text: string): string[] {
  return (text.toLowerCase().match(/[a-z]{3,}/g) ?? []).map((word) => word.replace(/(es|s)$/, ''));
}
