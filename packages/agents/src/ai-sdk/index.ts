/** `@muster/agents/ai-sdk`: agents that are driven by a model of the AI SDK, version 6. Needs the package `ai` beside it. */
export { AI_SDK_ERRORS } from './errors.ts';
export { MODEL_DEFAULTS, type ModelOptions, runModel } from './run-model.ts';
