/** A calculator: numbers, brackets, + - * / % and ** (or ^), and nothing that could run code. */
import { defineTool } from '@muster/agents';
import jsep from 'jsep';
import * as v from 'valibot';

jsep.addBinaryOp('^', 11, true);
jsep.addBinaryOp('**', 11, true);

const OPERATIONS: Readonly<Record<string, (a: number, b: number) => number>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '^': (a, b) => a ** b,
  '**': (a, b) => a ** b,
};

export const calculate = defineTool({
  name: 'calculate',
  description: 'Works out an arithmetic expression.',
  input: v.object({ expression: v.pipe(v.string(), v.minLength(1), v.maxLength(500)) }),
  inputSchema: {
    type: 'object',
    properties: { expression: { type: 'string', description: 'like 12 * (7 + 5)' } },
    required: ['expression'],
    additionalProperties: false,
  },
  timeoutMs: 1_000,
  run({ expression }) {
    const value = evaluate(jsep(expression));
    if (!Number.isFinite(value)) throw new Error(`${expression} has no finite value`);
    return { expression, value };
  },
});

function evaluate(node: jsep.Expression): number {
  if (isLiteral(node) && typeof node.value === 'number') return node.value;
  if (isUnary(node) && node.operator === '-') return -evaluate(node.argument);
  if (isUnary(node) && node.operator === '+') return evaluate(node.argument);
  if (isBinary(node)) {
    const operation = OPERATIONS[node.operator];
    if (operation) return operation(evaluate(node.left), evaluate(node.right));
  }
  throw new Error(`${node.type} is not arithmetic`);
}

function isLiteral(node: jsep.Expression): node is jsep.Literal {
  return node.type === 'Literal';
}

function isUnary(node: jsep.Expression): node is jsep.UnaryExpression {
  return node.type === 'UnaryExpression';
}

function isBinary(node: jsep.Expression): node is jsep.BinaryExpression {
  return node.type === 'BinaryExpression';
}
