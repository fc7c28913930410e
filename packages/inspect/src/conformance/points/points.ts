/** Every numbered point of docs/protocol.md: the checks of those that can be seen from outside, and why the others cannot. */
import type { Check } from '../judge.ts';
import type { Visit } from '../server-under-test.ts';
import { CONTROL } from './control.ts';
import { EVENTS } from './events.ts';
import { FLOW } from './flow.ts';
import { HELLO } from './hello.ts';
import { OPENING } from './opening.ts';
import { REQUESTS } from './requests.ts';
import { RESUME } from './resume.ts';
import { UNREADABLE } from './unreadable.ts';
import { WELCOME } from './welcome.ts';

export const SERVER_CHECKS: readonly Check<Visit>[] = [
  ...OPENING,
  ...HELLO,
  ...WELCOME,
  ...REQUESTS,
  ...EVENTS,
  ...RESUME,
  ...FLOW,
  ...CONTROL,
  ...UNREADABLE,
];

const STARTING = 'it needs a server that is still starting';
const FAILING = 'it needs a service that fails and recovers';
const STOPPING = 'it needs a server that is stopped, or a connection of 50 minutes';

/** By their numbers. */
export const NOT_VISIBLE: Readonly<Record<string, string>> = {
  'P1.4': STARTING,
  'P1.6': 'the states of a connection are inside of the server',
  'P1.7': 'the address that a server counts is inside of it',
  'P2.6': 'the deadline takes 20 seconds',
  'P2.8': 'it needs a token that is about to end',
  'P3.1': STARTING,
  'P3.2': STARTING,
  'P3.3': STARTING,
  'P3.4': STARTING,
  'P5.7': 'it needs a request that takes as long as one likes',
  'P6.10': 'it follows from P5.5, P6.2, P6.3 and P6.4',
  'P9.1': FAILING,
  'P9.2': FAILING,
  'P10.1': STOPPING,
  'P10.2': STOPPING,
  'P10.3': STOPPING,
  'P13.1': 'what welcome shows of the limits is a part of P4.1',
};
