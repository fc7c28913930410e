/**
 * Renderers of runtime events: the boot as people see it in a terminal, and one JSON line per event for machines.
 */
import { MusterError } from '@muster/contracts';
import { duration, escapeStack, escapeText } from './graph/render.ts';
import { LiveBoot, type LiveBootOptions } from './live-boot.ts';
import type { RuntimeEvent } from './runtime-event.ts';
import { reasonOf, redact } from './redact.ts';

/** Where a reporter writes. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  /** Width and height of the window. @default what is wide and high enough */
  readonly columns?: number;
  readonly rows?: number;
}

/** Listens to an app's events. */
export type Reporter = (event: RuntimeEvent) => void;

/** One line of JSON per event. */
export function jsonReporter(output: Output): Reporter {
  return (event) => {
    output.write(
      `${JSON.stringify(event, (_, value: unknown) => (value instanceof Error ? errorAsData(value) : value))}\n`,
    );
  };
}

/** The boot tree with live progress on a terminal, plain lines elsewhere; then whatever changes. */
export function consoleReporter(output: Output, options: LiveBootOptions = {}): Reporter {
  const plain = plainReporter(output);
  return output.isTTY === true ? new LiveBoot(output, plain, options).report : plain;
}

function errorAsData(error: Error): unknown {
  return error instanceof MusterError ? error.toJSON() : { message: reasonOf(error) };
}

/** The lines that a person reads of one event; none for those that only machines want. What could harm a terminal is escaped. */
export function eventLines(event: RuntimeEvent): string[] {
  switch (event.type) {
    case 'boot-started':
      return [`Starting ${event.services.length} ${event.services.length === 1 ? 'service' : 'services'}`];
    case 'boot-completed':
      return [`Ready in ${duration(event.wallMs)}`];
    case 'boot-failed':
      return [event.error.message];
    case 'waiting':
      return [`… ${duration(event.elapsedMs)}: waiting for ${event.blockedBy.map(escapeText).join(', ')}`];
    case 'progress':
      return [`  ◐ ${escapeText(event.service)}: ${escapeText(event.text)}`];
    case 'attempt-failed':
      return [
        `  ◑ ${escapeText(event.error.message)}${event.retryInMs === null ? '' : ` Again in ${duration(event.retryInMs)}.`}`,
      ];
    case 'health-changed':
      return [
        `  ${event.to === 'healthy' ? '●' : '✘'} ${escapeText(event.service)} is ${event.to}${event.reason === null ? '' : `: ${escapeText(event.reason)}`}`,
      ];
    case 'moved':
      return movedLines(event);
    case 'degraded':
      return [
        event.by.length > 0
          ? `  ◒ ${escapeText(event.service)} goes on without ${event.by.map(escapeText).join(', ')}`
          : `  ● ${escapeText(event.service)} misses nothing any more`,
      ];
    case 'gate-closed':
      return [
        `Gate ${escapeText(event.gate)} closed because of ${event.causes.map(escapeText).join(', ')}; it opens again after they have been well for ${duration(event.dwellMs)}`,
      ];
    case 'configuration-differs':
      return [`  ◒ ${escapeText(event.factory)} is configured otherwise on instance ${escapeText(event.instance)}`];
    case 'lagged':
      return [`  ◌ The process stood still for ${duration(event.lagMs)}; everything is checked before any gate moves`];
    case 'crashed':
      return [
        `  ✘ ${escapeText(event.service)} crashed: ${escapeText(reasonOf(event.error))}${event.restartInMs === null ? '' : `. Again in ${duration(event.restartInMs)}.`}`,
      ];
    case 'escalated':
      return [`✘ ${escapeText(event.service)} is down for good: the process gives up`];
    case 'listening':
      return [`Listening on ${event.address}`];
    case 'inspecting':
      return [`Inspect it at ${event.address}`];
    case 'stop-started':
      return [`Stopping: ${escapeText(event.reason)}`];
    case 'stop-failed':
      return [`  ✘ ${escapeText(event.service)}: ${escapeText(reasonOf(event.error))}`];
    case 'stop-completed':
      return [
        `Stopped ${event.order.length} ${event.order.length === 1 ? 'service' : 'services'} in reverse order in ${duration(event.wallMs)}${event.hung.length > 0 ? `; did not stop in time: ${event.hung.map(escapeText).join(', ')}` : ''}`,
      ];
    case 'client-error':
    case 'deep-check':
    case 'run-begun':
    case 'tool-ended':
    case 'run-left':
    case 'run-ended':
      return [];
    case 'fault':
      return [
        `✘ ${escapeText(event.component)}${event.correlation === null ? '' : ` [${escapeText(event.correlation)}]`}: ${escapeStack(event.error instanceof Error ? redact(event.error.stack ?? event.error.message) : reasonOf(event.error))}`,
      ];
  }
}

function movedLines(event: Extract<RuntimeEvent, { type: 'moved' }>): string[] {
  if (event.machine === 'gate' && event.subject === 'main' && event.to === 'open') return ['Gate open'];
  if (event.machine !== 'service') return [];
  if (event.to === 'running' || event.to === 'completed') return [`  ● ${escapeText(event.subject)} ${event.to}`];
  if (event.to === 'stopped' && event.from === 'stopping') return [`  ○ ${escapeText(event.subject)} stopped`];
  return [];
}

function plainReporter(output: Output): Reporter {
  let address: string | undefined;
  let inspector: string | undefined;
  return (event) => {
    if (event.type === 'listening') ({ address } = event);
    if (event.type === 'inspecting') inspector = event.address;
    for (const line of eventLines(event)) output.write(`${line}\n`);
    // The last line of a boot is what a person wants next.
    if (event.type === 'boot-completed' && address !== undefined)
      output.write(`\n  → ${address}\n${inspector === undefined ? '' : `    seen from inside at ${inspector}\n`}\n`);
  };
}
