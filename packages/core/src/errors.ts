/** The error catalogue of `@muster/core`. */
import { type ErrorEntry, errorsFrom } from '@muster/contracts';
import { escapeText } from './graph/render.ts';

const list = (names: readonly string[]): string => (names.length > 0 ? names.join(', ') : 'nothing');

export const CORE_ERRORS = {
  DEPENDENCY_UNDEFINED: {
    message: (d) =>
      `${d.service}${d.declaredAt === null ? '' : ` (${d.declaredAt})`}: entry ${d.index + 1} of ${d.list} is undefined.`,
    hint: 'Two files import each other, so the class did not exist yet when it was named. Move what both need into a third file, or depend on a token.',
    fatal: true,
  } satisfies ErrorEntry<{ service: string; list: string; index: number; declaredAt: string | null }>,
  GRAPH_INVALID: {
    message: (d) =>
      `The services do not fit together: ${d.problems.length} ${d.problems.length === 1 ? 'problem' : 'problems'}.\n${d.problems.map((p) => `  - ${p.message}\n    ${p.hint}`).join('\n')}`,
    hint: 'Mend each problem listed; nothing was started.',
    fatal: true,
  } satisfies ErrorEntry<{ problems: readonly { code: string; message: string; hint: string }[] }>,
  BOOT_FAILED: {
    message: (d) =>
      `The boot failed after ${d.wallMs} ms.\n${d.causes.map((c) => `  ✘ ${escapeText(c.service)}${c.declaredAt === null ? '' : ` (${c.declaredAt})`}: ${escapeText(c.description)}\n    → ${escapeText(c.action)}`).join('\n')}${d.skipped.length > 0 ? `\n  Not started because of it: ${d.skipped.join(', ')}.` : ''}${d.stopped.length > 0 ? `\n  Stopped again, in this order: ${d.stopped.join(', ')}.` : ''}`,
    hint: 'Do what stands behind each arrow, then start again.',
  } satisfies ErrorEntry<{
    wallMs: number;
    causes: readonly { service: string; declaredAt: string | null; description: string; action: string }[];
    skipped: readonly string[];
    stopped: readonly string[];
  }>,
  CONSTRUCT_FAILED: {
    message: (d) => `${d.service} could not be constructed: ${d.reason}.`,
    hint: 'A constructor only keeps its arguments; move what can fail into start().',
    fatal: true,
  } satisfies ErrorEntry<{ service: string; reason: string }>,
  BINDING_INVALID: {
    message: (d) => `The binding of ${d.key} yields ${d.got}.`,
    hint: 'A binding yields an instance at once: do what is asynchronous in start() of a service, and depend on that.',
    fatal: true,
  } satisfies ErrorEntry<{ service: string; key: string; got: string }>,
  START_FAILED: {
    message: (d) => `start() of ${d.service} failed in attempt ${d.attempt}: ${d.reason}.`,
    hint: 'The cause is what start() threw. Throw an error with fatal: true where trying again cannot help.',
  } satisfies ErrorEntry<{ service: string; attempt: number; reason: string }>,
  START_TIMEOUT: {
    message: (d) =>
      `start() of ${d.service} did not end within ${d.timeoutMs} ms in attempt ${d.attempt}${d.progress === null ? '' : `; the last thing it said was "${d.progress}"`}.`,
    hint: 'Find what it waits for, or raise start.timeoutMs of the service; ctx.signal tells start() to give up.',
  } satisfies ErrorEntry<{ service: string; timeoutMs: number; attempt: number; progress: string | null }>,
  FIRST_CHECK_FAILED: {
    message: (d) =>
      `${d.service} started but was not healthy within ${d.timeoutMs} ms in attempt ${d.attempt}: ${d.reason}.`,
    hint: 'See what its check() reports; nothing that depends on it is started before it is healthy.',
  } satisfies ErrorEntry<{ service: string; timeoutMs: number; attempt: number; reason: string }>,
  READY_HOOK_FAILED: {
    message: (d) => `A hook of onReady(${d.service}) failed in attempt ${d.attempt}: ${d.reason}.`,
    hint: 'The cause is what the hook threw; nothing that depends on the service is started before its hooks have succeeded.',
  } satisfies ErrorEntry<{ service: string; attempt: number; reason: string }>,
  STOP_TIMEOUT: {
    message: (d) => `${d.method}() of ${d.service} did not end within ${d.timeoutMs} ms.`,
    hint: 'Find what it waits for; ctx.signal tells it to give up, and stop.timeoutMs of the service gives it more time.',
  } satisfies ErrorEntry<{ service: string; method: string; timeoutMs: number }>,
  BOOT_BUDGET_SPENT: {
    message: (d) =>
      `${d.service} was not up when the boot budget of ${d.budgetMs} ms ended, after ${d.attempts} ${d.attempts === 1 ? 'attempt' : 'attempts'}: ${d.reason}.`,
    hint: 'Look at the last failure; if the dependency outside is only slow to come up, raise boot.budgetMs.',
  } satisfies ErrorEntry<{ service: string; budgetMs: number; attempts: number; reason: string }>,
  DECLARED_TWICE: {
    message: (d) =>
      `${d.class} is declared twice: as ${d.kinds.map((kind, i) => `a ${kind}${d.sites[i] === null ? '' : ` at ${d.sites[i]}`}`).join(' and as ')}.`,
    hint: 'Keep one of the decorators; what the other one says would be lost.',
    fatal: true,
  } satisfies ErrorEntry<{ class: string; kinds: readonly string[]; sites: readonly (string | null)[] }>,
  FACTORY_FAILED: {
    message: (d) => `${d.factory} could not be made while the gate was opening: ${d.reason}.`,
    hint: 'Mend what its constructor, prepare() or adopt() throws; nothing behind the gate is served before.',
    fatal: true,
  } satisfies ErrorEntry<{ factory: string; reason: string }>,
  FACTORY_NOT_JSON: {
    message: (d) =>
      `${d.what} is to be shared by all instances, and ${d.factory} has ${d.problem} in it, which is no JSON.`,
    hint: "Prepare JSON and make the rest of it in adopt(), or have each instance prepare its own: @factory({ prepare: { scope: 'instance' } }).",
    fatal: true,
  } satisfies ErrorEntry<{ factory: string; what: string; problem: string }>,
  FACTORY_NOT_READY: {
    message: (d) => `${d.factory} cannot be had while it is ${d.state}: it stands behind the gate.`,
    hint: 'Name it as gated(factory) in dependsOn, and get it with a permit once the gate has opened.',
  } satisfies ErrorEntry<{ factory: string; state: string }>,
  LISTEN_FAILED: {
    message: (d) => `The server could not listen on ${d.address}: ${d.reason}.`,
    hint: 'Another process may hold the port: stop it, or choose another port.',
    fatal: true,
  } satisfies ErrorEntry<{ address: string; reason: string }>,
  ABORTED: {
    message: (d) => `${d.what} was told to give up: ${d.reason}.`,
    hint: 'Expected when the app stops or another required service failed; nothing to do here.',
  } satisfies ErrorEntry<{ what: string; why: string; reason: string }>,
  GATE_CLOSED: {
    message: (d) => `The gate did not open within ${d.waitedMs} ms; it waits for ${list(d.waitingFor)}.`,
    hint: 'Try again later; look at the named services if it stays so.',
  } satisfies ErrorEntry<{ waitedMs: number; waitingFor: readonly string[] }>,
  GATE_FULL: {
    message: (d) =>
      `${d.held} others wait at the gate already, which is the limit; it waits for ${list(d.waitingFor)}.`,
    hint: 'Try again later with backoff.',
  } satisfies ErrorEntry<{ held: number; waitingFor: readonly string[] }>,
  GATE_STOPPED: {
    message: () => 'The gate is stopped: this process is shutting down.',
    hint: 'Connect again; another instance or the next process will answer.',
  } satisfies ErrorEntry<Record<never, never>>,
  PERMIT_DEAD: {
    message: (d) => `${d.what} needs a live permit, and the gate has closed since this one was issued.`,
    hint: 'Enter the gate again and use the new permit.',
  } satisfies ErrorEntry<{ what: string }>,
  SCOPE_CLOSED: {
    message: (d) => `${d.wanted} was asked for in a scope of kind ${d.kind} that is closed.`,
    hint: 'Get what is needed while the scope is open, and use it no longer than that.',
    fatal: true,
  } satisfies ErrorEntry<{ kind: string; wanted: string }>,
  SCOPE_STALE: {
    message: (d) =>
      `${d.wanted} was asked for in a scope of kind ${d.kind} that was opened before a factory was renewed.`,
    hint: 'Close the scope and open another; what it has made already can still be used.',
  } satisfies ErrorEntry<{ kind: string; wanted: string }>,
  SCOPE_BUSY: {
    message: (d) =>
      `${d.wanted} was asked for in a scope of kind ${d.kind} by a constructor that the same scope calls.`,
    hint: 'Name it in dependsOn of that class instead; nothing half-built can be had.',
    fatal: true,
  } satisfies ErrorEntry<{ kind: string; wanted: string }>,
  SCOPE_CONSTRUCT_FAILED: {
    message: (d) => `${d.class} could not be constructed in a scope of kind ${d.kind}: ${d.reason}.`,
    hint: 'The cause is what the constructor threw. What was made for the same call has been disposed of.',
  } satisfies ErrorEntry<{ class: string; kind: string; reason: string }>,
  SCOPE_VALUE_MISSING: {
    message: (d) => `A scope of kind ${d.kind} was opened without a value of ${d.value}, which ${d.neededBy} needs.`,
    hint: 'Pass withValue(token, value) in values when the scope is opened.',
    fatal: true,
  } satisfies ErrorEntry<{ kind: string; value: string; neededBy: string }>,
  SCOPE_LIMIT: {
    message: (d) => `${d.open} scopes of kind ${d.kind} are open for this user already, and ${d.limit} may be.`,
    hint: 'Try again when one of them has ended.',
  } satisfies ErrorEntry<{ kind: string; open: number; limit: number; retryAfterMs: number }>,
  NOT_IN_SCOPE: {
    message: (d) => `${d.name} cannot be had from ${d.wanted}: ${d.reason}.`,
    hint: 'Get scoped classes from a scope of their kind, which Scopes opens; inject everything else.',
    fatal: true,
  } satisfies ErrorEntry<{ name: string; wanted: string; reason: string }>,
  DISPOSE_FAILED: {
    message: (d) => `${d.class} could not be disposed of; what was made before it is disposed of all the same.`,
    hint: 'The cause is what its dispose method threw.',
    fatal: true,
  } satisfies ErrorEntry<{ class: string }>,
  DISPOSE_TIMEOUT: {
    message: (d) => `The disposal of ${d.class} did not end within ${d.timeoutMs} ms and was left.`,
    hint: 'Find what it waits for; scopes.disposeMs of createApp() gives all of them more time.',
    fatal: true,
  } satisfies ErrorEntry<{ class: string; timeoutMs: number }>,
  APP_STATE: {
    message: (d) => `The app is ${d.state}; ${d.wanted} is not possible now.`,
    hint: 'An app starts once and stops once; make a new one with createApp().',
    fatal: true,
  } satisfies ErrorEntry<{ state: string; wanted: string }>,
  OPTION_INVALID: {
    message: (d) => `${d.option} must be ${d.expected}, and is ${d.got}.`,
    hint: 'Correct the option; nothing was started.',
    fatal: true,
  } satisfies ErrorEntry<{ option: string; expected: string; got: string }>,
  NODE_UNKNOWN: {
    message: (d) =>
      `There is no ${d.name} in this app${d.near.length > 0 ? `; near names: ${d.near.join(', ')}` : ''}.`,
    hint: 'Use an id of the graph, or the name of a token.',
    fatal: true,
  } satisfies ErrorEntry<{ name: string; near: readonly string[] }>,
  APPEND_TOO_LARGE: {
    message: (d) => `An append to ${d.stream} has ${d.bytes} bytes, and one append takes at most ${d.limit}.`,
    hint: 'Append in smaller batches, or make the events smaller.',
    fatal: true,
  } satisfies ErrorEntry<{ stream: string; bytes: number; limit: number }>,
  LOG_BUSY: {
    message: (d) => `${d.waitingBytes} bytes wait to be written to the event log already, and ${d.limit} may.`,
    hint: 'Wait for appends that are under way before you append more, and try again with backoff.',
  } satisfies ErrorEntry<{ waitingBytes: number; limit: number }>,
  LEASE_LOST: {
    message: (d) =>
      `The lease of ${d.key} is lost: ${d.why === 'taken' ? 'somebody else has it' : 'it could not be renewed in time'}.`,
    hint: 'Stop what was done under it; whoever has it now goes on.',
  } satisfies ErrorEntry<{ key: string; why: 'expired' | 'taken' }>,
  LEASE_BUSY: {
    message: (d) => `The record of the lease ${d.key} was changed by others ${d.attempts} times in a row.`,
    hint: 'Try again.',
  } satisfies ErrorEntry<{ key: string; attempts: number }>,
} as const;

/** Makes an error of this catalogue. */
export const coreError = errorsFrom(CORE_ERRORS);
