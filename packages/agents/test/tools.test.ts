import { describe, expect, it } from '@jest/globals';
import { toStandardJsonSchema } from '@valibot/to-json-schema';
import * as v from 'valibot';
import { z } from 'zod';
import { defineTool } from '@muster/agents';

const ctx = { signal: new AbortController().signal, run: 'r', user: 'ann' };
const text = { name: 'shout', description: 'makes a text loud' };

describe('a tool with a schema of zod', () => {
  const shout = defineTool({
    ...text,
    input: z.object({ text: z.string().min(1), times: z.number().int().default(1) }),
    run: ({ text, times }) => `${text.toUpperCase()}!`.repeat(times),
  });

  it('is called with what the schema makes of its input', async () => {
    expect(await shout.call({ text: 'hey' }, ctx)).toBe('HEY!');
    expect(await shout.call({ text: 'hey', times: 2 }, ctx)).toBe('HEY!HEY!');
  });

  it('is not called with a bad one, and says what is wrong', async () => {
    await expect(shout.call({ text: '', times: 1.5 }, ctx)).rejects.toMatchObject({
      code: 'TOOL_INPUT_INVALID',
      details: { tool: 'shout', problems: [expect.any(String), expect.any(String)] },
    });
  });

  it('has a JSON Schema for models', () => {
    expect(shout.inputSchema).toMatchObject({
      type: 'object',
      properties: { text: { type: 'string', minLength: 1 }, times: { type: 'integer', default: 1 } },
      required: ['text'],
    });
  });
});

describe('the JSON Schema of a tool', () => {
  const schema = v.object({ text: v.string() });

  it('is that of a valibot schema which can describe itself', () => {
    const tool = defineTool({ ...text, input: toStandardJsonSchema(schema), run: ({ text }) => text });
    expect(tool.inputSchema).toMatchObject({ type: 'object', properties: { text: { type: 'string' } } });
  });

  it('is the one of the definition, where there is one', () => {
    const inputSchema = { type: 'object' };
    expect(defineTool({ ...text, input: schema, inputSchema, run: () => 1 }).inputSchema).toBe(inputSchema);
  });

  it('is missed with an error that says what helps', () => {
    const silent = defineTool({ ...text, input: schema, run: () => 1 });
    expect(() => silent.inputSchema).toThrow(
      expect.objectContaining({ code: 'TOOL_SCHEMA_UNKNOWN', details: { tool: 'shout', vendor: 'valibot' } }),
    );
    const odd = defineTool({ ...text, input: z.object({ at: z.date() }), run: () => 1 });
    expect(() => odd.inputSchema).toThrow(
      expect.objectContaining({ code: 'TOOL_SCHEMA_UNKNOWN', cause: expect.any(Error) }),
    );
  });
});
