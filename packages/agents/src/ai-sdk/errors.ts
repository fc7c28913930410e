/** The error catalogue of `@muster/agents/ai-sdk`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';

export const AI_SDK_ERRORS = {
  MODEL_FAILED: {
    message: (d) => `The model ${d.model} failed.`,
    hint: 'The cause stands in the log of the server; ask again in a moment.',
  } satisfies ErrorEntry<{ model: string }>,
  MODEL_REFUSED: {
    message: (d) => `The model ${d.model} gave no answer: ${d.reason}.`,
    hint: 'Ask differently.',
    fatal: true,
  } satisfies ErrorEntry<{ model: string; reason: string }>,
  MODEL_OUT_OF_STEPS: {
    message: (d) => `The model ${d.model} still called tools after ${d.steps} steps.`,
    hint: 'Ask for less at once, or allow more steps in maxSteps.',
  } satisfies ErrorEntry<{ model: string; steps: number }>,
} as const;

/** Makes an error of this catalogue. */
export const aiSdkError = errorsFrom(AI_SDK_ERRORS);
