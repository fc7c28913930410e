/**
 * `docs/protocol.schema.json` and `docs/asyncapi.json` are made of the schemas of the frames, and are what they claim to be.
 *
 * `UPDATE_GOLDEN=1` writes the files.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from '@jest/globals';
import { CLIENT_FRAMES, parseClientFrame, parseServerFrame, SERVER_FRAMES, SUBPROTOCOL } from '@muster/contracts';
import { toJsonSchema } from '@valibot/to-json-schema';
import { Ajv } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { GenericSchema } from 'valibot';

const at = (file: string): URL => new URL(`../docs/${file}`, import.meta.url);

/** JSON Schema of every frame of one side, by the name of the frame. What JSON Schema cannot say is left to the reader. */
function schemasOf(frames: Readonly<Record<string, GenericSchema>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(frames).map(([type, schema]) => {
      const options = {
        errorMode: 'ignore' as const,
        ignoreActions: ['trim', 'check', 'readonly'] as string[],
        typeMode: 'input' as const,
      };
      const json = { ...toJsonSchema(schema, options) } as { $schema?: string };
      delete json.$schema;
      return [type, json];
    }),
  );
}

const client = schemasOf(CLIENT_FRAMES);
const server = schemasOf(SERVER_FRAMES);

const protocolSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: `Frames of ${SUBPROTOCOL}`,
  oneOf: [{ $ref: '#/$defs/client' }, { $ref: '#/$defs/server' }],
  $defs: {
    client: { anyOf: Object.values(client) },
    server: { anyOf: Object.values(server) },
  },
};

function messages(side: 'client' | 'server', frames: Readonly<Record<string, object>>): Record<string, object> {
  return Object.fromEntries(
    Object.entries(frames).map(([type, payload]) => [
      `${side}_${type}`,
      { name: type, title: `${type}, from the ${side}`, contentType: 'application/json', payload },
    ]),
  );
}

const referTo = (names: readonly string[]): object[] =>
  names.map((name) => ({ $ref: `#/channels/connection/messages/${name}` }));
const fromClient = messages('client', client);
const fromServer = messages('server', server);

const asyncapi = {
  asyncapi: '3.0.0',
  info: {
    title: SUBPROTOCOL,
    version: '1.0.0',
    description: 'The frames of a connection to a Muster server. What they mean stands in docs/protocol.md.',
  },
  defaultContentType: 'application/json',
  channels: {
    connection: {
      address: '/{path}',
      description: `A WebSocket with the subprotocol ${SUBPROTOCOL}.`,
      parameters: { path: { description: 'The path of a WebSocket factory.' } },
      bindings: { ws: { method: 'GET' } },
      messages: Object.fromEntries(
        Object.keys({ ...fromClient, ...fromServer }).map((name) => [name, { $ref: `#/components/messages/${name}` }]),
      ),
    },
  },
  operations: {
    receive: {
      action: 'receive',
      channel: { $ref: '#/channels/connection' },
      summary: 'What a server reads.',
      messages: referTo(Object.keys(fromClient)),
    },
    send: {
      action: 'send',
      channel: { $ref: '#/channels/connection' },
      summary: 'What a server sends.',
      messages: referTo(Object.keys(fromServer)),
    },
  },
  components: { messages: { ...fromClient, ...fromServer } },
};

describe.each([
  ['protocol.schema.json', protocolSchema],
  ['asyncapi.json', asyncapi],
])('docs/%s', (file, made) => {
  it('is what the schemas in the code say', () => {
    const text = `${JSON.stringify(made, null, 2)}\n`;
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(at(file), text);
    expect(readFileSync(at(file), 'utf8')).toBe(text);
  });
});

describe('docs/asyncapi.json', () => {
  it('is a valid AsyncAPI 3 document', () => {
    const { schemas } = createRequire(import.meta.url)('@asyncapi/specs') as { schemas: Record<string, object> };
    const validate = new Ajv({
      strict: false,
      logger: false,
      validateFormats: false,
      meta: false,
      validateSchema: false,
    }).compile(schemas['3.0.0'] as object);
    validate(JSON.parse(readFileSync(at('asyncapi.json'), 'utf8')));
    expect(validate.errors).toBeNull();
    expect(validate({ asyncapi: '3.0.0', info: {} })).toBe(false);
  });
});

describe('docs/protocol.schema.json', () => {
  it('takes every frame that stands in docs/protocol.md, and what the readers refuse for its shape it refuses too', () => {
    const schema = JSON.parse(readFileSync(at('protocol.schema.json'), 'utf8')) as typeof protocolSchema;
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    const valid = { client: ajv.compile(schema.$defs.client), server: ajv.compile(schema.$defs.server) };
    const shown = [...readFileSync(at('protocol.md'), 'utf8').matchAll(/```json\n([\s\S]*?)```/g)];
    for (const [, text] of shown) {
      const frame = JSON.parse(text as string) as { type: string };
      const sides = { client: parseClientFrame, server: parseServerFrame };
      for (const side of ['client', 'server'] as const) {
        let isRead = true;
        try {
          sides[side](text as string);
        } catch {
          isRead = false;
        }
        expect([frame.type, side, valid[side](frame)]).toEqual([frame.type, side, isRead]);
      }
    }
    expect(valid.client({ type: 'ack', stream: 't', epoch: 'e', offset: -1 })).toBe(false);
  });
});
