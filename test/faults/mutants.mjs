/**
 * For each guarantee of a run backends without the mechanism that keeps it; the drill that is named has to find that guarantee broken.
 *
 * A mutant is a replacement in one source file. One that no longer fits the source is an error, so that none goes stale.
 */
const runs = 'packages/agents/src/runs';
const log = 'packages/lmdb/src/lmdb-event-log.ts';

/** @type {readonly { guarantee: string, name: string, drill: string, file: string, find: string, replace: string }[]} */
export const MUTANTS = [
  {
    guarantee: 'R1',
    name: 'events are shown before they are on the disk',
    drill: 'kill before every write',
    file: log,
    find: '      await this.#storage.write((writes) => {\n        for (const [i, group]',
    // Waits long enough for a write that is written, because feeds can read nothing else, and not for one that never is.
    replace: `      const turns = new Promise((go) => {
        let left = 1_000;
        const next = () => (left-- > 0 ? setImmediate(next) : go());
        next();
      });
      const write = (work) => Promise.race([this.#storage.write(work), turns]);
      await write((writes) => {\n        for (const [i, group]`,
  },
  {
    guarantee: 'R1',
    name: 'an agent is told of an event as recorded before it is',
    drill: 'kill at an event',
    file: `${runs}/outbox.ts`,
    find: '    return this.#gathered.recorded;\n',
    replace: '    return Promise.resolve({ offset: 0 });\n',
  },
  {
    guarantee: 'R2',
    name: 'a run that fails has no terminal',
    drill: 'endings',
    file: `${runs}/execution-engine.ts`,
    find: '      await this.#parts.recorder.finish(ending);\n',
    replace: "      if (ending.status !== 'failed') await this.#parts.recorder.finish(ending);\n",
  },
  {
    guarantee: 'R2',
    name: 'a run that is cancelled has no terminal',
    drill: 'cancel at every event',
    file: `${runs}/execution-engine.ts`,
    find: '      await this.#parts.recorder.finish(ending);\n',
    replace: "      if (ending.status !== 'cancelled') await this.#parts.recorder.finish(ending);\n",
  },
  {
    guarantee: 'R2',
    name: 'nobody ends the runs of a process that has died',
    drill: 'kill at an event',
    file: `${runs}/runs-elsewhere.ts`,
    find: '    else await left.interruptAll((record, terminal) => this.#recover(record, terminal));\n',
    replace: '',
  },
  {
    guarantee: 'R2',
    name: 'a run is forgotten before it has its terminal',
    drill: 'kill at an event',
    file: `${runs}/run-watch.ts`,
    find: '    const ending = await engine.execute(begun);\n',
    replace:
      '    await begun;\n    await records.close(engine.run);\n    const ending = await engine.execute(begun);\n',
  },
  {
    guarantee: 'R3',
    name: 'the table lets thoughts pass after the terminal',
    drill: 'endings',
    file: 'packages/contracts/src/run-state.ts',
    find: '  completed: {},\n} as const satisfies TransitionTable;\n\nexport const TOOL',
    replace:
      "  completed: { agent_thinking: 'completed' },\n} as const satisfies TransitionTable;\n\nexport const TOOL",
  },
  {
    guarantee: 'R3',
    name: 'what could not be written is left out',
    drill: 'full disk at every write',
    file: `${runs}/outbox.ts`,
    find: '    this.#unwritten.push({ events, gathered: undefined });\n',
    replace: '',
  },
  {
    guarantee: 'R3',
    name: 'the reaper does not look how far a run has come',
    drill: 'kill at an event',
    file: `${runs}/closing.ts`,
    find: '  let n = events.at(-1)?.n ?? 0;\n',
    replace: '  let n = 2;\n',
  },
  {
    guarantee: 'R4',
    name: 'a terminal leaves tool calls open',
    drill: 'endings',
    file: `${runs}/run-recorder.ts`,
    find: "    for (const callId of this.#tools.keys()) this.toolCompleted(callId, { status: 'abandoned' }).catch(() => {});\n",
    replace: '',
  },
  {
    guarantee: 'R4',
    name: 'the reaper leaves tool calls open',
    drill: 'kill at an event',
    file: `${runs}/closing.ts`,
    find: "    if (event === 'tool_executing') open.set(",
    replace: "    if (event === 'tool_executing' && now < 0) open.set(",
  },
  {
    guarantee: 'R5',
    name: 'an event after the end is swallowed',
    drill: 'endings',
    file: `${runs}/run-recorder.ts`,
    find: 'if (isMove && !this.#machine.can(name)) return this.refuse(name, this.#rule);',
    replace: 'if (isMove && !this.#machine.can(name)) return Promise.resolve({ offset: 0 });',
  },
  {
    guarantee: 'R5',
    name: 'a run goes on as if its agent had emitted nothing illegal',
    drill: 'endings',
    file: `${runs}/run-recorder.ts`,
    find: '    this.#tell(error);\n    return this.#reject(error);',
    replace: '    const refused = Promise.reject(error);\n    refused.catch(() => {});\n    return refused;',
  },
  {
    guarantee: 'R6',
    name: 'a stream is named from the thread alone',
    drill: 'foreign thread',
    file: 'packages/core/src/principal.ts',
    find: '  return `${keyPart(principal.user)}.${keyPart(thread)}`;\n',
    replace: '  return `${keyPart("everybody")}.${keyPart(thread)}`;\n',
  },
  {
    guarantee: 'R6',
    name: 'a connection names its streams from the thread alone',
    drill: 'foreign thread',
    file: 'packages/server/src/delivery/feeds.ts',
    find: '    const key = streamOf(this.#principal, name);\n',
    replace: "    const key = streamOf({ user: 'ann' } as Principal, name);\n",
  },
  {
    guarantee: 'R7',
    name: 'what could not be written comes after what was emitted later',
    drill: 'full disk at every write',
    file: `${runs}/outbox.ts`,
    find: '    this.#taken = this.#unwritten[0] ?? this.#whole.shift() ?? this.#gather();\n',
    replace: `    const late = this.#unwritten.shift();
    const parcel = this.#whole.shift() ?? this.#gather();
    const { json, count } = parcel.events;
    const events = late && {
      json: Buffer.concat([json.subarray(0, -1), Buffer.from(','), late.events.json.subarray(1)]),
      count: count + late.events.count,
    };
    this.#taken = events === undefined ? parcel : { ...parcel, events };
`,
  },
  {
    guarantee: 'R7',
    name: 'a thought overtakes what was said before it',
    drill: 'kill after every write',
    file: `${runs}/run-recorder.ts`,
    find: '  think(reasoning: string, step?: Steps): Promise<Receipt> {\n    this.#flushOutput();\n',
    replace: '  think(reasoning: string, step?: Steps): Promise<Receipt> {\n',
  },
  {
    guarantee: 'R7',
    name: 'what is far into a log is read from its end',
    drill: 'foreign thread',
    file: 'packages/lmdb/src/read-records.ts',
    find: '    open.parts.push(jsonAt(record));\n',
    replace: "    open.parts[open.parts.length < 8 ? 'push' : 'unshift'](jsonAt(record));\n",
  },
  {
    guarantee: 'R8',
    name: 'a run ends with the connection that has asked for it',
    drill: 'disconnect',
    file: `${runs}/run-methods.ts`,
    find: '    run: async (data, call) => supervisor.accept(valued(requester, values), parseData(RunRequest, data), call?.request),\n',
    replace: `    run: async (data, call) => {
      const accepted = await supervisor.accept(requester, parseData(RunRequest, data), call?.request);
      const { signal } = requester as unknown as { signal: AbortSignal };
      signal.addEventListener('abort', () => supervisor.cancel(requester.principal, accepted.run, null));
      return accepted;
    },
`,
  },
  {
    guarantee: 'R8',
    name: 'a run that is to end with its user goes on',
    drill: 'disconnect of the last',
    file: `${runs}/run-watch.ts`,
    find: "    if (presence === undefined || onDisconnect === 'continue') return () => {};\n",
    replace: "    if (presence === undefined || onDisconnect !== 'never') return () => {};\n",
  },
  {
    guarantee: 'R8',
    name: 'a cancel does not reach the tool',
    drill: 'cancel in time',
    file: `${runs}/execution-engine.ts`,
    find: 'tool.call(input, { signal, run: this.run, user })',
    replace: 'tool.call(input, { signal: signal && new AbortController().signal, run: this.run, user })',
  },
  {
    guarantee: 'R8',
    name: 'a cancel takes its time',
    drill: 'cancel in time',
    file: `${runs}/agent-supervisor.ts`,
    find: '    active.engine.cancel(reason);\n',
    replace: '    setTimeout(() => active.engine.cancel(reason), 400);\n',
  },
  {
    guarantee: 'R8',
    name: 'a terminal waits for a tool that does not listen',
    drill: 'cancel in time',
    file: `${runs}/execution-engine.ts`,
    find: '      await this.#parts.recorder.finish(ending);\n',
    replace: '      await this.settled();\n      await this.#parts.recorder.finish(ending);\n',
  },
  {
    guarantee: 'R8',
    name: 'a cancel after the end is refused',
    drill: 'cancel in time',
    file: `${runs}/agent-supervisor.ts`,
    find: '    if (active === undefined) return this.#elsewhere.cancel(principal, run, reason);\n',
    replace: "    if (active === undefined) throw agentError('RUN_NOT_FOUND', { run });\n",
  },
  {
    guarantee: 'R8',
    name: 'anybody may cancel',
    drill: 'cancel of another',
    file: `${runs}/agent-supervisor.ts`,
    find: "    if (active.engine.user !== principal.user) throw agentError('RUN_NOT_FOUND', { run });\n",
    replace: '',
  },
  {
    guarantee: 'R8',
    name: 'a run that waits cannot be cancelled',
    drill: 'queue',
    file: `${runs}/execution-engine.ts`,
    find: '      await Promise.race([turn, abortedBy(signal)]);\n',
    replace: '      await turn;\n',
  },
  {
    guarantee: 'R9',
    name: 'a request is answered before the run is in the log',
    drill: 'kill at an event',
    file: `${runs}/agent-supervisor.ts`,
    find: '      await accepted;\n      this.#records.shown(run);\n',
    replace: '',
  },
  {
    guarantee: 'R9',
    name: 'a run and its first thought are two appends',
    drill: 'kill at an event',
    file: `${runs}/run-recorder.ts`,
    find: "    const both = [this.#record('agent_started', { message, ...about }), this.#record('agent_thinking', { reasoning })];\n",
    replace:
      "    const started = this.#record('agent_started', { message, ...about });\n" +
      "    const both = [started, started.then(() => this.#record('agent_thinking', { reasoning }))];\n",
  },
  {
    guarantee: 'R9',
    name: 'a repeated request is another one',
    drill: 'kill at an event',
    file: `${runs}/asked-once.ts`,
    find: 'const known = await this.#records.find(key);',
    replace: 'const known = undefined as RunRecord | undefined;',
  },
  {
    guarantee: 'R9',
    name: 'a full queue takes more',
    drill: 'queue',
    file: `${runs}/agent-supervisor.ts`,
    find: '    if (waiting >= this.#waitingPerUser)\n',
    replace: '    if (waiting < 0)\n',
  },
  {
    guarantee: 'R10',
    name: 'the reaper ends what has ended',
    drill: 'kill at an event',
    file: `${runs}/left-runs.ts`,
    find: "      if (last?.event === 'agent_completed') {\n",
    replace: "      if (last?.event === 'agent_completed' && last.data.by === 'reaper') {\n",
  },
  {
    guarantee: 'R10',
    name: 'a process takes a data directory that another one has',
    drill: 'two owners',
    file: 'packages/lmdb/src/ownership.ts',
    find: '    if (await isAlive(socketPath(directory, name)))\n',
    replace: '    if ((await isAlive(socketPath(directory, name))) && now < 0)\n',
  },
  {
    guarantee: 'secrets',
    name: 'no key has a name that says it is secret',
    drill: 'endings',
    file: 'packages/agents/src/content/content.ts',
    find: '    return wordsOf(key).some((word) => this.#secretWords.has(word));\n',
    replace: '    return wordsOf(key).length < 0;\n',
  },
  {
    guarantee: 'secrets',
    name: 'users are told what an agent has thrown',
    drill: 'endings',
    file: `${runs}/execution-engine.ts`,
    find: '  return { code: error.code, message: error.message };\n',
    replace: '  return { code: error.code, message: `${error.message} ${String(error.cause)}` };\n',
  },
];
