/** By name every directed scenario of the faults. */
import { cancelAtEveryEvent, cancelInTime, cancelOfAnother, disconnect, disconnectOfTheLast } from './cancel-drills.ts';
import type { Drill } from './drill.ts';
import { endings, foreignThread, queue, twoOwners } from './run-drills.ts';
import { fullDiskAtEveryWrite, killAfterEveryWrite, killAtAnEvent, killBeforeEveryWrite } from './write-drills.ts';

export const DRILLS: Readonly<Record<string, Drill>> = {
  endings,
  'foreign thread': foreignThread,
  queue,
  'two owners': twoOwners,
  'cancel in time': cancelInTime,
  'cancel at every event': cancelAtEveryEvent,
  'cancel of another': cancelOfAnother,
  disconnect,
  'disconnect of the last': disconnectOfTheLast,
  'kill at an event': killAtAnEvent,
  'kill before every write': killBeforeEveryWrite,
  'kill after every write': killAfterEveryWrite,
  'full disk at every write': fullDiskAtEveryWrite,
};
