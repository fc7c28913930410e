/**
 * For each invariant of a simulated cluster a product without the mechanism that keeps it; the simulator has to notice every one.
 *
 * A mutant is a replacement in one source file. One that no longer fits the source is an error, so that none goes stale.
 */
const runs = 'packages/agents/src/runs';
const state = 'packages/core/src/state';

/** @type {readonly { invariant: string, name: string, file: string, find: string, replace: string }[]} */
export const MUTANTS = [
  {
    invariant: 'one holder of a lease',
    name: 'a lease does not end by itself',
    file: `${state}/lease.ts`,
    find: 'if (!this.#isOver && this.#parts.clock.monotonic() >= this.#actsUntil)',
    replace: 'if (!this.#isOver && this.#parts.clock.monotonic() >= this.#actsUntil * 100)',
  },
  {
    invariant: 'one holder of a lease',
    name: 'a renewal counts from its answer',
    file: `${state}/lease.ts`,
    find: 'this.#renewedAt = Math.max(this.#renewedAt, at);\n        return;',
    replace: 'this.#renewedAt = this.#parts.clock.monotonic() + at * 0;\n        return;',
  },
  {
    invariant: 'no takeover before its time',
    name: 'nobody waits for a lease to end',
    file: `${state}/observed-records.ts`,
    find: 'now - record.since >= leaseMs + LEASE.marginMs',
    replace: 'now - record.since >= leaseMs / 2',
  },
  {
    invariant: 'a takeover comes in time',
    name: 'a lease is waited for twice as long as it lasts',
    file: `${state}/observed-records.ts`,
    find: 'now - record.since >= leaseMs + LEASE.marginMs',
    replace: 'now - record.since >= leaseMs * 2 + LEASE.marginMs',
  },
  {
    invariant: 'no owner writes after the next',
    name: 'nobody looks for what others have written of a run',
    file: `${runs}/user-emitter.ts`,
    find: "throw agentError('RUN_FENCED', { run: this.#run });",
    replace: 'return;',
  },
  {
    invariant: 'one terminal',
    name: 'whoever takes a run over does not look whether it has ended',
    file: `${runs}/run-records.ts`,
    find: "if (last?.event === 'agent_completed') {",
    replace: "if (last?.event === 'agent_completed' && last.data.by === 'reaper') {",
  },
  {
    invariant: 'one terminal',
    name: 'a run that is taken over is forgotten',
    file: `${runs}/runs-elsewhere.ts`,
    find: 'await records.interrupt(record, (ended, terminal) => this.#recover(ended, terminal));\n  }\n\n  /** Stores',
    replace: 'await records.close(record.run);\n  }\n\n  /** Stores',
  },
  {
    invariant: 'numbers without a hole',
    name: 'a run that goes on counts anew',
    file: `${runs}/run-recorder.ts`,
    find: 'this.#n = resumed?.n ?? 0;',
    replace: 'this.#n = 0;',
  },
  {
    invariant: 'legal by the tables',
    name: 'open calls of an owner before stay open',
    file: `${runs}/closing.ts`,
    find: "if (event === 'tool_executing') open.set(data.callId, { toolName: data.toolName, at });",
    replace: "if (event === 'tool_executing' && at < 0) open.set(data.callId, { toolName: data.toolName, at });",
  },
  {
    invariant: 'one run of a request',
    name: 'no request is known to others',
    file: `${runs}/run-records.ts`,
    find: 'if (!ok) throw new RequestTaken();',
    replace: 'void ok;',
  },
  {
    invariant: 'one run of a request',
    name: 'nobody asks whether a request has a run',
    file: `${runs}/asked-once.ts`,
    find: 'if (await this.#records.hasBegun(known)) {',
    replace: 'if ((await this.#records.hasBegun(known)) && known.fence < 0) {',
  },
  {
    invariant: 'what is accepted is in the log',
    name: 'nobody waits for the first events',
    file: `${runs}/agent-supervisor.ts`,
    find: '      await accepted;\n      return { run, thread };',
    replace: '      return { run, thread };',
  },
  {
    invariant: 'what is cancelled ends so',
    name: 'nobody hears what others wish',
    file: `${runs}/runs-elsewhere.ts`,
    find: 'wished: (run, reason) => active.get(run)?.engine.cancel(reason),',
    replace: 'wished: () => {},',
  },
  {
    invariant: 'what is cancelled ends so',
    name: 'a cancel of a run that is carried here is told to nobody else',
    file: `${runs}/agent-supervisor.ts`,
    find: 'active.engine.cancel(reason);\n    // Whoever takes it over before its terminal is in the log has to know as well.\n    return this.#elsewhere.cancel(principal, run, reason);',
    replace: 'active.engine.cancel(reason);\n    return Promise.resolve();',
  },
  {
    invariant: 'rows are settled once',
    name: 'a status that comes late is taken',
    file: 'packages/agents/src/threads/key-value-thread-store.ts',
    find: 'if (!OPEN.has((entry.value as unknown as ThreadMessage).status)) {',
    replace: "if (entry.key === '') {",
  },
  {
    invariant: 'rows are settled once',
    name: 'what could not be stored is forgotten',
    file: `${runs}/run-watch.ts`,
    find: 'if (engine.isRecorded && isStored)',
    replace: 'if (engine.isRecorded)',
  },
  {
    invariant: 'rows are settled once',
    name: 'whoever takes a run over stores no end of it',
    file: `${runs}/runs-elsewhere.ts`,
    find: 'if (parent !== null) return;\n',
    replace: "if (run !== '') return;\n",
  },
  {
    invariant: 'nothing is left open',
    name: 'the record of a run outlives it',
    file: `${runs}/run-records.ts`,
    find: '    this.#held.delete(run);\n    await lease?.release();',
    replace: '    void lease;',
  },
  {
    invariant: 'the limit of a user converges',
    name: 'runs elsewhere do not count',
    file: `${runs}/agent-supervisor.ts`,
    find: '(user) => this.#elsewhere.of(user).running);',
    replace: '() => 0);',
  },
  {
    invariant: 'no fault',
    name: 'a renewal that fails brings the process down',
    file: `${state}/lease.ts`,
    find: '} catch {\n      // Lost, which',
    replace: '} catch (error) {\n      throw error;\n      // Lost, which',
  },
];
