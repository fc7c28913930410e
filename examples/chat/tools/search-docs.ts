/** Looks things up in the repository's own documentation. */
import { defineTool } from '@muster/agents';
import * as v from 'valibot';
import type { DocsIndex } from '../services/docs-index.ts';

/** The tool over one index. */
export function searchDocs(index: DocsIndex) {
  return defineTool({
    name: 'search_docs',
    description: 'Finds passages in the documentation and the examples.',
    input: v.object({
      query: v.pipe(v.string(), v.minLength(1)),
      limit: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10)), 4),
    }),
    inputSchema: {
      type: 'object',
      properties: {
        query: { type: 'string', description: 'a few words to look for' },
        limit: { type: 'integer', minimum: 1, maximum: 10, default: 4 },
      },
      required: ['query'],
      additionalProperties: false,
    },
    timeoutMs: 5_000,
    run: ({ query, limit }) =>
      index.search(query, limit).map(({ file, heading, text }) => ({ file, heading, text: text.slice(0, 1_500) })),
  });
}
