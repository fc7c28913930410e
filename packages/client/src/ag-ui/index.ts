/** `@muster/client/ag-ui`: the events of a run as those of AG-UI, for front-ends that speak it. */
export type { AgUiEvent, AgUiUsage } from './ag-ui-event.ts';
export { AgUiRun, toAgUi } from './ag-ui-run.ts';
